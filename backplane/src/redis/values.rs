//! Small values in Redis: one hash with all of them, and a sorted index of their names, so that listing by prefix costs what is
//! found and not what there is. Both lie in one slot: values are few, and a call that reads them touches both.

use bytes::Bytes;

use super::connection::Lane;
use super::{Command, Redis};
use crate::error::Error;

impl Redis {
    pub(crate) async fn put_value(&self, key: &str, bytes: &[u8]) -> Result<(), Error> {
        let [values, names] = self.keys.values();
        let call = self.nodes.functions().call("put_value", &[&values, &names]).arg(key).arg(bytes);
        self.call_to_write("store a value", call).await?.ok()?;
        Ok(())
    }

    pub(crate) async fn replace_value(&self, key: &str, expected: Option<&[u8]>, bytes: &[u8]) -> Result<(), Error> {
        const OPERATION: &str = "replace a value";
        let [values, names] = self.keys.values();
        let call = self.nodes.functions().call("replace_value", &[&values, &names]);
        let mut reply = self.call_to_write(OPERATION, call.arg(key).arg(bytes).arg(expected)).await?;
        match reply.word() {
            "changed" => Err(Error::Changed { operation: OPERATION, stored: reply.next()? }),
            _ => reply.ok().map(drop),
        }
    }

    pub(crate) async fn value(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let [values, _] = self.keys.values();
        self.query("read a value", Lane::Store, Command::new("HGET", values).arg(key)).await
    }

    pub(crate) async fn delete_value(&self, key: &str) -> Result<(), Error> {
        let [values, names] = self.keys.values();
        let call = self.nodes.functions().call("delete_value", &[&values, &names]).arg(key);
        self.call_to_write("delete a value", call).await?.ok()?;
        Ok(())
    }

    pub(crate) async fn values(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, Error> {
        const OPERATION: &str = "list values";
        let [values, names] = self.keys.values();
        let call = || self.nodes.functions().call("values", &[&values, &names]).arg(prefix);
        let mut reply = self.call(OPERATION, call()).await?;
        if reply.word() == "unindexed" {
            let index = self.nodes.functions().call("index_values", &[&values, &names]);
            self.call(OPERATION, index).await?.ok()?;
            reply = self.call(OPERATION, call()).await?;
        }
        // Ordered by name: that is the index's order.
        reply.ok()?.next()
    }
}
