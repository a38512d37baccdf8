//! Media over TCP, through real sockets on loopback.

mod support;

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use prometheus::Registry;
use sfu::{MediaTcp, Sfu, SfuConfig};
use sfu_core::MediaEvent;
use signaling_protocol::RoomId;
use support::{Client, deliver_to, work_until};
use tokio::sync::mpsc;

fn start(tcp: MediaTcp) -> (Sfu, mpsc::Receiver<MediaEvent>) {
    let (sender, events) = mpsc::channel(4_096);
    let advertised = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let config = SfuConfig { advertised, tcp, ..SfuConfig::default() };
    (Sfu::start(config, deliver_to(sender), &Registry::new()).expect("it starts"), events)
}

fn server(sfu: &Sfu) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, sfu.tcp_ports()[0]))
}

#[test]
fn a_picture_goes_from_tcp_to_tcp_where_nothing_else_is_told() {
    let (sfu, mut events) = start(MediaTcp::Only);
    let room = RoomId::from_bytes([1; 16]);
    let at = Some(server(&sfu));
    let mut clients: Vec<Client> = (1..=3)
        .map(|n| Client::join_over(at, &sfu.handle(), &mut events, &room, n, n == 1, (1, 1)))
        .collect();
    work_until(&mut clients, "everybody to be connected", |c| c.iter().all(|c| c.connected));
    for n in 0..20 {
        clients[0].send(n * 3_000, true, &[0x10, n as u8, 7, 7]);
    }
    work_until(&mut clients, "the pictures", |c| c[1..].iter().all(|c| c.received >= 20));
}

#[test]
fn tcp_and_udp_share_a_room() {
    let (sfu, mut events) = start(MediaTcp::On);
    let room = RoomId::from_bytes([1; 16]);
    let at = Some(server(&sfu));
    let mut clients = vec![
        Client::join_over(at, &sfu.handle(), &mut events, &room, 1, true, (1, 1)),
        Client::join(&sfu.handle(), &mut events, &room, 2, false, (1, 1)),
    ];
    work_until(&mut clients, "both to be connected", |c| c.iter().all(|c| c.connected));
    clients[0].send(3_000, true, &[0x10, 1, 7, 7]);
    work_until(&mut clients, "the picture", |c| c[1].received == 1);
}

#[test]
fn whoever_does_not_begin_with_a_check_of_a_participant_is_hung_up_on() {
    let (sfu, _events) = start(MediaTcp::On);
    // HTTP; a datagram that is no STUN; STUN for nobody (a binding request without attributes).
    let mut nobody = vec![0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    nobody.extend([7; 12]);
    for begin in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 4, 128, 96, 0, 1], &nobody] {
        let mut stream = TcpStream::connect(server(&sfu)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(3))).expect("a socket");
        stream.write_all(begin).expect("it is taken");
        let mut answer = Vec::new();
        // Closed with bytes unread is a reset.
        let end = stream.read_to_end(&mut answer).map_err(|error| error.kind());
        assert!(matches!(end, Ok(0) | Err(std::io::ErrorKind::ConnectionReset)), "{end:?}");
    }
}

#[test]
fn no_port_is_opened_where_it_is_not_wanted() {
    let (sfu, _events) = start(MediaTcp::Off);
    assert!(sfu.tcp_ports().is_empty());
}
