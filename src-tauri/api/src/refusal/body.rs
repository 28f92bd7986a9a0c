//! How a refusal is written and read: as the body of an answer, and in the form of JSON-RPC.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Refusal;

/// The body of an answer that refuses.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RefusalBody {
    /// The refusal.
    pub error: SaidRefusal,
}

/// A refusal with its sentence.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SaidRefusal {
    /// Code and facts, for programs.
    #[serde(flatten)]
    pub refusal: Refusal,
    /// The sentence, for people.
    pub message: String,
}

impl From<Refusal> for RefusalBody {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        // What another host refused is passed on as a failure: its facts are not known here.
        let refusal = match refusal {
            Refusal::Other { .. } => Refusal::failed(&message),
            refusal => refusal,
        };
        Self {
            error: SaidRefusal { refusal, message },
        }
    }
}

/// The same in the form of JSON-RPC, for clients of MCP: some show the sentence only if it comes like this.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RpcRefusal {
    jsonrpc: &'static str,
    /// Not known: the request was refused before it was read.
    id: (),
    error: RpcError,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct RpcError {
    code: i32,
    message: String,
    data: SaidRefusal,
}

/// The code of [`RpcRefusal`]: outside of what JSON-RPC and MCP keep for themselves.
pub const RPC_REFUSED: i32 = -31003;

impl From<Refusal> for RpcRefusal {
    fn from(refusal: Refusal) -> Self {
        let data = RefusalBody::from(refusal).error;
        let error = RpcError {
            code: RPC_REFUSED,
            message: data.message.clone(),
            data,
        };
        Self {
            jsonrpc: "2.0",
            id: (),
            error,
        }
    }
}

impl Refusal {
    /// Reads the body of an answer that refuses; None if it is none. What is not known here keeps code and sentence.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            error: Value,
        }
        #[derive(Deserialize)]
        struct Said {
            code: String,
            message: String,
        }
        let mut error = serde_json::from_slice::<Body>(body).ok()?.error;
        if error["code"] == RPC_REFUSED {
            error = error["data"].take();
        }
        let said = Said::deserialize(&error).ok()?;
        let other = Self::Other {
            code: said.code,
            message: said.message,
        };
        Some(Self::deserialize(error).unwrap_or(other))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(refusal: Refusal) -> Value {
        serde_json::to_value(RefusalBody::from(refusal)).unwrap()
    }

    #[test]
    fn a_refusal_is_read_as_it_was_written_with_all_its_facts() {
        let full = Refusal::QueueFull {
            length: 1000,
            own: 3,
            limit: 1000,
            retry_after_s: 2,
        };
        let body = written(full.clone());
        assert_eq!(
            body,
            json!({ "error": {
                "code": "queue_full", "length": 1000, "own": 3, "limit": 1000, "retry_after_s": 2,
                "message": "queue_full: 1000 requests are waiting, 3 of them yours, and at most 1000 may; try again in 2 s",
            }})
        );
        assert_eq!(
            Refusal::read(body.to_string().as_bytes()),
            Some(full.clone())
        );
        let rpc = serde_json::to_string(&RpcRefusal::from(full.clone())).unwrap();
        assert_eq!(Refusal::read(rpc.as_bytes()), Some(full));
    }

    #[test]
    fn the_refusal_of_another_version_keeps_its_code_and_its_sentence() {
        let newer = json!({ "error": { "code": "moon_phase", "phase": 3, "message": "wait for the full moon" } });
        let read = Refusal::read(newer.to_string().as_bytes()).unwrap();
        assert_eq!(
            (read.code(), read.to_string().as_str()),
            ("moon_phase", "wait for the full moon")
        );
        let older = br#"{"error":{"code":"busy","message":"a backup is under way"}}"#;
        let read = Refusal::read(older).unwrap();
        assert_eq!(
            (read.code(), read.to_string().as_str()),
            ("busy", "a backup is under way"),
            "hosts before the facts"
        );
        assert_eq!(written(read)["error"]["message"], "a backup is under way");
        assert_eq!(Refusal::read(b"<html>"), None);
        assert_eq!(Refusal::read(b"{\"error\":\"plain\"}"), None);
    }
}
