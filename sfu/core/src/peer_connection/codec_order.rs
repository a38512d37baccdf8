//! The order of codecs in an answer.

/// Sorts the payload types of each m-line of `answer` as `offer` lists them (RFC 9429 section 5.3.1).
///
/// str0m answers in the order of its configuration. Browsers send the first codec of the answer, so
/// the order of the offer is what lets a client send its camera and its screen with different codecs.
/// Both texts have the same m-lines in the same order (RFC 3264 section 6).
pub(super) fn order_codecs_as_offered(answer: &str, offer: &str) -> String {
    let mut offered = offer.lines().filter_map(payload_types);
    let mut ordered = String::with_capacity(answer.len());
    for line in answer.lines() {
        match payload_types(line) {
            Some((head, mut answered)) => {
                let (_, order) = offered.next().unwrap_or_default();
                let place = |pt: &&str| order.iter().position(|o| o == pt).unwrap_or(order.len());
                answered.sort_by_key(place);
                ordered.push_str(head);
                for pt in answered {
                    ordered.push(' ');
                    ordered.push_str(pt);
                }
            }
            None => ordered.push_str(line),
        }
        ordered.push_str("\r\n");
    }
    ordered
}

/// Splits an `m=` line into `m=<media> <port> <protocol>` and its payload types (RFC 8866 section 5.14).
fn payload_types(line: &str) -> Option<(&str, Vec<&str>)> {
    if !line.starts_with("m=") {
        return None;
    }
    let (end, _) = line.match_indices(' ').nth(2)?;
    Some((&line[..end], line[end..].split_whitespace().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_m_line_lists_its_codecs_in_the_order_of_the_offer() {
        let offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\na=mid:0\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 98 99 45 46 96 97\r\n";
        let answer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=rtpmap:96 VP8/90000\r\n";
        let expected = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 98 99 96 97\r\na=rtpmap:96 VP8/90000\r\n";
        assert_eq!(order_codecs_as_offered(answer, offer), expected);
    }

    #[test]
    fn payload_types_that_were_not_offered_come_last() {
        let offer = "m=video 9 UDP/TLS/RTP/SAVPF 98 96\r\n";
        let answer = "m=video 9 UDP/TLS/RTP/SAVPF 45 96 98\r\nm=video 0 UDP/TLS/RTP/SAVPF 0\r\n";
        assert_eq!(
            order_codecs_as_offered(answer, offer),
            "m=video 9 UDP/TLS/RTP/SAVPF 98 96 45\r\nm=video 0 UDP/TLS/RTP/SAVPF 0\r\n"
        );
    }
}
