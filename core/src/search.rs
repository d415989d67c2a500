//! Texts within texts. The standard library's search is made for needles of any kind and comes as two kilobytes for
//! the browser; here words and tokens are looked for.

/// Where `words` stand first in `text`.
pub(crate) fn find(text: &str, words: &str) -> Option<usize> {
    let Some(first) = words.bytes().next() else { return Some(0) };
    // the first byte alone rules out most places
    let starts = |at: &usize| {
        let rest = text.as_bytes().get(*at..).unwrap_or_default();
        rest.first() == Some(&first) && rest.starts_with(words.as_bytes())
    };
    (0..text.len()).find(starts)
}

/// Whether `words` stand in `text`.
pub(crate) fn has(text: &str, words: &str) -> bool {
    find(text, words).is_some()
}

/// The text with other words in place of `words`, which are not empty.
pub(crate) fn replaced(text: &str, words: &str, others: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = find(rest, words).and_then(|at| rest.split_at_checked(at)) {
        out.push_str(before);
        out.push_str(others);
        rest = after.get(words.len()..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_as_the_standard_library_finds_them() {
        let texts = ["", "a", "aab", "aaab", "не найден", "x не найден", "ab ab ab", "…a…"];
        for text in texts {
            for words in ["a", "aab", "ab", "не", "…", "нет", "x"] {
                assert_eq!(find(text, words), text.find(words), "{text} {words}");
                assert_eq!(replaced(text, words, "…"), text.replace(words, "…"), "{text} {words}");
            }
            assert!(has(text, ""));
        }
    }
}
