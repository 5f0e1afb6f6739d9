//! The types that an `Any` can be unpacked as in JSON.
//!
//! The canonical JSON of a `google.protobuf.Any` shows the fields of what is inside, so the program must know its type.
//! Generated code adds the types of each file when a service or a client is made. What is known is the process's, as the
//! protobuf library has it; replacing it lets go of the table before, a few times at the start of a program.

use std::sync::{Mutex, PoisonError};

use buffa::type_registry::{TypeRegistry, set_type_registry};

/// Adds the types of one package: what generated code calls `register_types`.
pub type Register = fn(&mut TypeRegistry);

static KNOWN: Mutex<Vec<Register>> = Mutex::new(Vec::new());

/// Makes the types of these packages known, besides those that are already.
pub fn add(registers: &[Register]) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = known.len();
    if before == 0 {
        known.push(buffa_types::register_wkt_types);
    }
    for register in registers {
        if !known.iter().any(|other| std::ptr::fn_addr_eq(*other, *register)) {
            known.push(*register);
        }
    }
    if known.len() == before {
        return;
    }
    let mut registry = TypeRegistry::new();
    for register in known.iter() {
        register(&mut registry);
    }
    set_type_registry(registry);
}
