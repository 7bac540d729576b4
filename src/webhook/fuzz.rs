//! Deliveries that are wrong in a few places.

use secrecy::SecretString;
use uuid::{Uuid, uuid};

use super::{
    delivery::{self, Delivery},
    signature::{Signed, verify},
};
use crate::fuzz;

const WORKSPACE: Uuid = uuid!("20202020-1c25-4d02-bf25-6aeccf7ea419");

#[test]
fn no_delivery_brings_its_reader_down_and_none_names_what_is_no_object() {
    let secrets = [SecretString::from("secret")];
    fuzz::each("webhook", |bytes| {
        if let Ok(Delivery::Event { object, .. }) = delivery::read(bytes, WORKSPACE) {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(!object.is_empty() && object.chars().all(is_plain), "{object:?}");
        }
        let text = String::from_utf8_lossy(bytes);
        let signed = Signed { timestamp: Some(&text), signature: Some(&text) };
        assert!(verify(&secrets, 0, signed, bytes).is_err());
    });
}
