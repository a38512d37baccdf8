//! Published vectors, another implementation as oracle, and what is refused.

mod oracle;
mod refusals;
mod vectors;

fn hex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}
