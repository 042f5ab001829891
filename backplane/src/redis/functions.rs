//! The function library in Redis: its name, its text, and replies taken apart.

use ::redis::{Cmd, FromRedisValue, RedisResult, ToRedisArgs, Value};
use wod_protocol::ids::Digest;

use crate::error::Error;

/// The library under a name made from its text: programs of different versions sharing one Redis each call their own.
pub(super) struct Functions {
    version: String,
    source: String,
}

impl Functions {
    pub(super) fn new() -> Self {
        const TEMPLATE: &str = include_str!("functions.lua");
        let mut version = Digest::of(TEMPLATE.as_bytes()).to_string();
        version.truncate(12);
        let source = TEMPLATE.replace("@version@", &version);
        Self { version, source }
    }

    /// The command that (re)loads the library.
    pub(super) fn load(&self) -> Cmd {
        let mut command = ::redis::cmd("FUNCTION");
        command.arg("LOAD").arg("REPLACE").arg(&self.source);
        command
    }

    /// A call of function `name` with these keys, all of one slot; its arguments follow.
    pub(super) fn call(&self, name: &'static str, keys: &[&str]) -> Call {
        let mut command = ::redis::cmd("FCALL");
        command.arg(format!("wod_{}_{name}", self.version)).arg(keys.len()).arg(keys);
        Call { key: keys.first().copied().unwrap_or_default().to_owned(), command }
    }
}

/// A call on its way to be sent.
pub(super) struct Call {
    /// Its first key, which says where it goes.
    pub(super) key: String,
    pub(super) command: Cmd,
}

impl Call {
    pub(super) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }
}

/// Whether a call failed because Redis does not have the library: it was flushed, or another Redis took over.
pub(super) fn is_missing<T>(result: &RedisResult<T>) -> bool {
    result.as_ref().is_err_and(|error| error.detail().is_some_and(|detail| detail.contains("Function not found")))
}

/// A function's reply: a word, then values.
pub(super) struct Reply {
    operation: &'static str,
    word: String,
    values: std::vec::IntoIter<Value>,
}

impl Reply {
    pub(super) fn parse(operation: &'static str, values: Vec<Value>) -> Result<Self, Error> {
        let mut reply = Self { operation, word: String::new(), values: values.into_iter() };
        reply.word = reply.next()?;
        Ok(reply)
    }

    pub(super) fn word(&self) -> &str {
        &self.word
    }

    /// The next value.
    pub(super) fn next<T: FromRedisValue>(&mut self) -> Result<T, Error> {
        let value = self.values.next().unwrap_or(Value::Nil);
        T::from_redis_value(value).map_err(|source| Error::store(self.operation, source))
    }

    /// The reply must be `ok`; the words every function of a lease's holder may say become errors.
    pub(super) fn ok(self) -> Result<Self, Error> {
        match self.word() {
            "ok" => Ok(self),
            "fenced" => Err(Error::Fenced { operation: self.operation }),
            _ => Err(self.unexpected()),
        }
    }

    pub(super) fn unexpected(self) -> Error {
        Error::store(self.operation, format!("Redis answered {:?}, which this version does not know", self.word))
    }
}
