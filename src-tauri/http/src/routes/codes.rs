//! `POST /api/codes`: an address that opens the page once.

use axum::Json;
use axum::extract::State;
use commonplace_api::about::PageAddress;

use crate::gate::App;

pub(crate) async fn issue(State(app): State<App>) -> Json<PageAddress> {
    Json(app.access.page_address(app.port))
}
