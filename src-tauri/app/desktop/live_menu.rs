//! A menu on the screen that is changed in place, so that it does not close under the pointer.

use tauri::menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::{AppHandle, Wry};

use super::menu::Entry;

/// A menu that follows its entries.
pub(super) struct LiveMenu {
    root: Menu<Wry>,
    place: Place,
    shown: Vec<Entry>,
    items: Vec<Item>,
}

/// What holds entries.
#[derive(Clone)]
enum Place {
    Menu(Menu<Wry>),
    Submenu(Submenu<Wry>),
}

/// One entry as the window system has it.
enum Item {
    Separator,
    Plain(MenuItem<Wry>),
    Check(CheckMenuItem<Wry>),
    Sub(Submenu<Wry>, Vec<Item>),
}

impl LiveMenu {
    /// Makes an empty menu for the tray.
    pub(super) fn for_tray(app: &AppHandle) -> tauri::Result<Self> {
        let root = Menu::new(app)?;
        let place = Place::Menu(root.clone());
        Ok(Self::new(root, place))
    }

    /// Makes an empty menu for the window; None on macOS, where the menu belongs to the program.
    pub(super) fn for_window(app: &AppHandle) -> Option<Self> {
        if cfg!(target_os = "macos") {
            return None;
        }
        let submenu = Submenu::new(app, "&Commonplace", true).ok()?;
        let root = Menu::with_items(app, &[&submenu]).ok()?;
        Some(Self::new(root, Place::Submenu(submenu)))
    }

    fn new(root: Menu<Wry>, place: Place) -> Self {
        Self {
            root,
            place,
            shown: Vec::new(),
            items: Vec::new(),
        }
    }

    /// Returns the menu to attach to a window or an icon.
    pub(super) fn root(&self) -> Menu<Wry> {
        self.root.clone()
    }

    /// Brings the menu up to date; does nothing for what has not changed.
    pub(super) fn show(&mut self, app: &AppHandle, entries: &[Entry]) {
        if self.shown == entries {
            return;
        }
        match update(app, &self.place, &self.shown, entries, &mut self.items) {
            Ok(()) => self.shown = entries.to_vec(),
            Err(error) => {
                // What it shows now is not known: the next call rebuilds it.
                self.shown.clear();
                tracing::warn!(%error, "could not bring a menu up to date");
            }
        }
    }

    /// Forgets what is shown, so that the next call rebuilds it: a check mark changes by itself when it is chosen.
    pub(super) fn invalidate(&mut self) {
        self.shown.clear();
    }
}

/// Changes texts where that is enough, else rebuilds the entries of this place.
fn update(
    app: &AppHandle,
    place: &Place,
    before: &[Entry],
    after: &[Entry],
    items: &mut Vec<Item>,
) -> tauri::Result<()> {
    if !has_same_shape(before, after) || items.len() != after.len() {
        items.clear();
        while place.remove_first()? {}
        *items = after
            .iter()
            .map(|entry| place.append(app, entry))
            .collect::<tauri::Result<_>>()?;
        return Ok(());
    }
    let changed = before.iter().zip(after).zip(items);
    for ((before, after), item) in changed.filter(|((before, after), _)| before != after) {
        change(app, before, after, item)?;
    }
    Ok(())
}

fn change(app: &AppHandle, before: &Entry, after: &Entry, item: &mut Item) -> tauri::Result<()> {
    match (item, after) {
        (Item::Plain(item), _) => {
            item.set_text(label(after))?;
            item.set_enabled(matches!(after, Entry::Act(..)))
        }
        (Item::Check(item), Entry::Check(_, _, is_on)) => {
            item.set_text(label(after))?;
            item.set_checked(*is_on)
        }
        (Item::Sub(submenu, items), Entry::Sub(_, entries)) => {
            submenu.set_text(label(after))?;
            let place = Place::Submenu(submenu.clone());
            let Entry::Sub(_, shown) = before else {
                return Ok(());
            };
            update(app, &place, shown, entries, items)
        }
        (Item::Separator | Item::Check(_) | Item::Sub(..), _) => Ok(()),
    }
}

impl Place {
    fn append(&self, app: &AppHandle, entry: &Entry) -> tauri::Result<Item> {
        let text = label(entry);
        let no_key = None::<&str>;
        let item = match entry {
            Entry::Separator => {
                self.add(&PredefinedMenuItem::separator(app)?)?;
                return Ok(Item::Separator);
            }
            Entry::Line(_) => Item::Plain(MenuItem::with_id(app, "line", text, false, no_key)?),
            Entry::Act(action, _) => {
                Item::Plain(MenuItem::with_id(app, action.id(), text, true, no_key)?)
            }
            Entry::Idle(action, _) => {
                Item::Plain(MenuItem::with_id(app, action.id(), text, false, no_key)?)
            }
            Entry::Check(action, _, is_on) => Item::Check(CheckMenuItem::with_id(
                app,
                action.id(),
                text,
                true,
                *is_on,
                no_key,
            )?),
            Entry::Sub(_, entries) => {
                let submenu = Submenu::new(app, text, true)?;
                let place = Place::Submenu(submenu.clone());
                let items = entries.iter().map(|entry| place.append(app, entry));
                Item::Sub(submenu.clone(), items.collect::<tauri::Result<_>>()?)
            }
        };
        match &item {
            Item::Separator => {}
            Item::Plain(item) => self.add(item)?,
            Item::Check(item) => self.add(item)?,
            Item::Sub(item, _) => self.add(item)?,
        }
        Ok(item)
    }

    fn add(&self, item: &dyn IsMenuItem<Wry>) -> tauri::Result<()> {
        match self {
            Self::Menu(menu) => menu.append(item),
            Self::Submenu(submenu) => submenu.append(item),
        }
    }

    fn remove_first(&self) -> tauri::Result<bool> {
        let removed = match self {
            Self::Menu(menu) => menu.remove_at(0),
            Self::Submenu(submenu) => submenu.remove_at(0),
        };
        Ok(removed?.is_some())
    }
}

/// Returns the text of an entry with `&` doubled: a single one would underline the next letter.
fn label(entry: &Entry) -> String {
    match entry {
        Entry::Line(text)
        | Entry::Act(_, text)
        | Entry::Idle(_, text)
        | Entry::Check(_, text, _)
        | Entry::Sub(text, _) => text.replace('&', "&&"),
        Entry::Separator => String::new(),
    }
}

/// Tells whether the entries can stay where they are; those of submenus are compared when their turn comes.
fn has_same_shape(before: &[Entry], after: &[Entry]) -> bool {
    let is_same_kind = |(before, after): (&Entry, &Entry)| match (before, after) {
        (Entry::Line(_), Entry::Line(_))
        | (Entry::Separator, Entry::Separator)
        | (Entry::Sub(..), Entry::Sub(..)) => true,
        (
            Entry::Act(before, _) | Entry::Idle(before, _),
            Entry::Act(after, _) | Entry::Idle(after, _),
        )
        | (Entry::Check(before, ..), Entry::Check(after, ..)) => before == after,
        _ => false,
    };
    before.len() == after.len() && before.iter().zip(after).all(is_same_kind)
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
    use super::*;

    #[test]
    fn new_numbers_change_texts_and_new_lines_change_the_shape() {
        let line = |text: &str| Entry::Line(text.into());
        let quit = |text: &str| Entry::Act(Action::Quit, text.into());
        let open = Entry::Act(Action::Open, "Open".into());
        let check = |is_on| Entry::Check(Action::StartAtLogin, "Login".into(), is_on);
        let sub = |entries| Entry::Sub("More".into(), entries);
        let cases = [
            (
                vec![line("1 client"), quit("Quit")],
                vec![line("2 clients"), quit("Quit all")],
                true,
            ),
            (
                vec![Entry::Idle(Action::Pause, "Pause".into())],
                vec![Entry::Act(Action::Pause, "Pause".into())],
                true,
            ),
            (vec![check(true)], vec![check(false)], true),
            (
                vec![sub(vec![])],
                vec![sub(vec![line("in a menu of its own")])],
                true,
            ),
            (vec![line("a")], vec![line("a"), line("b")], false),
            (vec![open.clone()], vec![quit("Quit")], false),
            (vec![open.clone()], vec![check(true)], false),
            (
                vec![Entry::Separator, open.clone()],
                vec![open, Entry::Separator],
                false,
            ),
            (vec![], vec![], true),
        ];
        for (before, after, is_same) in cases {
            assert_eq!(
                has_same_shape(&before, &after),
                is_same,
                "{before:?} to {after:?}"
            );
        }
    }

    #[test]
    fn an_ampersand_in_a_name_is_shown_and_underlines_nothing() {
        assert_eq!(label(&Entry::Line("a & b".into())), "a && b");
        assert_eq!(label(&Entry::Separator), "");
    }
}
