//! The same messages in TypeScript: one generated file, which must not be stale.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use ts_rs::{Config, TS, TypeVisitor};

use crate::{
    ClientMessage, JoinPolicy, Refusal, RefusalCode, Retry, RoomCreated, ServerMessage, Source,
    TokenIssued, TokenRequest, VERSION,
};

/// Where the web client reads it.
const GENERATED: &str = "../../web-client/src/signaling/protocol.gen.ts";

const HEADER: &str = "\
// Generated from the Rust crate signaling-protocol; not edited by hand.
// To bring it up to date: UPDATE_GENERATED=1 cargo test -p signaling-protocol

";

/// Declarations by name, of everything that the roots are made of.
struct Declarations {
    config: Config,
    found: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // What has no path of its own is part of the language.
        if T::output_path().is_none() || self.found.contains_key(&T::ident(&self.config)) {
            return;
        }
        let docs = T::docs().unwrap_or_default();
        let declaration = format!("{docs}export {}\n", T::decl(&self.config)).replace(" \n", "\n");
        self.found.insert(T::ident(&self.config), declaration);
        T::visit_dependencies(self);
    }
}

fn types() -> String {
    // Counters stay far below 2^53, where a JavaScript number counts exactly.
    let config = Config::new().with_large_int("number");
    let mut declarations = Declarations { config, found: BTreeMap::new() };
    declarations.visit::<ClientMessage>();
    declarations.visit::<ServerMessage>();
    declarations.visit::<RoomCreated>();
    declarations.visit::<TokenIssued>();
    declarations.visit::<TokenRequest>();
    declarations.visit::<Refusal>();
    declarations.visit::<Retry>();
    let declarations: Vec<_> = declarations.found.into_values().collect();
    declarations.join("\n")
}

/// Returns the constants of `limits.rs`, each a product of numbers, with their comments.
fn constants() -> String {
    let mut text =
        format!("/** The version of this protocol. */\nexport const VERSION = {VERSION};\n\n");
    let mut comment = Vec::new();
    for line in include_str!("limits.rs").lines() {
        if let Some(words) = line.strip_prefix("/// ") {
            comment.push(words);
        } else if let Some((name, definition)) =
            line.strip_prefix("pub const ").and_then(|line| line.split_once(':'))
        {
            let (_, product) = definition.split_once('=').expect("a constant has a value");
            let factors = product.trim_end_matches(';').split('*');
            let factors = factors.map(|factor| factor.trim().parse::<u64>().expect("a number"));
            let value: u64 = factors.product();
            let comment = std::mem::take(&mut comment).join(" ");
            writeln!(text, "/** {comment} */\nexport const {name} = {value};\n").expect("a string");
        }
    }
    text
}

/// Returns the values of the enums that a validator of messages needs as lists.
fn value_lists() -> String {
    [
        values::<RefusalCode>("REFUSAL_CODES"),
        values::<JoinPolicy>("JOIN_POLICIES"),
        values::<Source>("SOURCES"),
        retries(),
    ]
    .concat()
}

/// Returns the declaration of what a client can do after each refusal.
fn retries() -> String {
    let declaration = RefusalCode::decl(&Config::new());
    let names = declaration.split('"').skip(1).step_by(2);
    let rows = names.map(|name| {
        let code: RefusalCode = serde_json::from_value(name.into()).expect("a code");
        let retry: &str = code.retry().into();
        format!("  {name}: \"{retry}\",\n")
    });
    let rows: String = rows.collect();
    format!(
        "/** What a client can do after each refusal. */\n\
         export const REFUSAL_RETRY: Readonly<Record<RefusalCode, Retry>> = {{\n{rows}}};\n\n"
    )
}

/// Returns the declaration of a list of all values of an enum without fields.
fn values<T: TS>(list: &str) -> String {
    let config = Config::new();
    let declaration = T::decl(&config);
    let (_, values) = declaration.split_once(" = ").expect("a type has a definition");
    let values = values.trim_end_matches(';').replace(" | ", ", ");
    let name = T::ident(&config);
    format!("/** Every [`{name}`]. */\nexport const {list} = [{values}] as const;\n\n")
}

#[test]
fn the_generated_typescript_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GENERATED);
    let fresh = format!("{HEADER}{}{}{}", constants(), value_lists(), types());
    assert!(!fresh.contains("bigint"), "JSON numbers are numbers");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the web client's folder");
        std::fs::write(&path, &fresh).expect("the generated file");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "{} is stale: run UPDATE_GENERATED=1 cargo test -p signaling-protocol",
        path.display()
    );
}
