//! What an update changes of a memory.

use crate::memory::{
    DraftError, NewMemory, checked_metadata, checked_name, checked_text, normal_tags,
};

/// What an update changes; None leaves a part as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    pub(crate) text: Option<String>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) memory_type: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Changes {
    /// Replaces the text; the memory gets the hash of the new one.
    pub fn with_text(mut self, text: &str) -> Result<Self, DraftError> {
        self.text = Some(checked_text(text)?);
        Ok(self)
    }

    /// Replaces all tags.
    pub fn with_tags(mut self, tags: &[String]) -> Result<Self, DraftError> {
        self.tags = Some(normal_tags(tags)?);
        Ok(self)
    }

    /// Replaces the type.
    pub fn with_type(mut self, memory_type: &str) -> Result<Self, DraftError> {
        self.memory_type = Some(checked_name("the type", memory_type)?);
        Ok(self)
    }

    /// Moves the memory into another project; empty means none.
    pub fn with_project(mut self, project: &str) -> Result<Self, DraftError> {
        self.project = Some(checked_name("the project", project)?);
        Ok(self)
    }

    /// Merges `metadata` into what is there; a key with null is removed.
    pub fn with_metadata(
        mut self,
        metadata: serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, DraftError> {
        checked_metadata(&metadata)?;
        self.metadata = Some(metadata);
        Ok(self)
    }

    /// Says whether nothing would change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the names of the parts that change, as the answer lists them.
    pub fn fields(&self) -> Vec<&'static str> {
        let parts = [
            (self.text.is_some(), "content"),
            (self.tags.is_some(), "tags"),
            (self.memory_type.is_some(), "memory_type"),
            (self.project.is_some(), "project"),
            (self.metadata.is_some(), "metadata"),
        ];
        parts
            .into_iter()
            .filter_map(|(changes, name)| changes.then_some(name))
            .collect()
    }

    /// Returns the text that replaces the one there is.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Returns the tags that replace those there are.
    pub fn tags(&self) -> Option<&[String]> {
        self.tags.as_deref()
    }

    /// Returns the type that replaces the one there is; empty means none.
    pub fn memory_type(&self) -> Option<&str> {
        self.memory_type.as_deref()
    }

    /// Returns the project that the memory is moved into; empty means none.
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }
}

/// Everything that a new memory says, as a change that would bring another one to it.
impl From<&NewMemory> for Changes {
    fn from(memory: &NewMemory) -> Self {
        Self {
            text: Some(memory.text.clone()),
            tags: Some(memory.tags.clone()),
            memory_type: memory.memory_type.clone(),
            project: Some(memory.project.clone()),
            metadata: Some(memory.metadata.clone()),
        }
    }
}
