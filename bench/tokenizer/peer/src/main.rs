//! Times an encoder on the second half of a text, after the first half as a warm-up:
//! `peer bpe-openai|toktok ENCODING FILE` prints bytes, tokens and seconds.
use std::time::Instant;

/// Cuts a text at the first end of a line after its middle.
fn halves(text: &str) -> (&str, &str) {
    let middle = text.len() / 2;
    let bytes = text.as_bytes();
    let cut = (middle..bytes.len()).find(|&i| bytes[i] == b'\n').map_or(bytes.len(), |i| i + 1);
    text.split_at(cut)
}

fn time<F: FnMut(&str) -> usize>(text: &str, mut encode: F) {
    let (warm, timed) = halves(text);
    encode(warm);
    let start = Instant::now();
    let tokens = encode(timed);
    println!("{} {} {}", timed.len(), tokens, start.elapsed().as_secs_f64());
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let text = std::fs::read_to_string(&args[3]).expect("read the text");
    match (args[1].as_str(), args[2].as_str()) {
        ("bpe-openai", "cl100k_base") => time(&text, |t| bpe_openai::cl100k_base().encode(t).len()),
        ("bpe-openai", "o200k_base") => time(&text, |t| bpe_openai::o200k_base().encode(t).len()),
        ("toktok", name) => {
            let tokenizer = toktok::Tokenizer::builtin(name).expect("an encoding of toktok");
            time(&text, |t| tokenizer.encode(t.as_bytes()).len());
        }
        _ => panic!("peer bpe-openai|toktok ENCODING FILE"),
    }
}
