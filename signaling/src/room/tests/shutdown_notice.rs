//! The end of the server, told before it comes.

use super::*;
use crate::room::ShutdownNotice;

/// Takes the notices sent to a socket since the last call.
fn told(world: &mut World, socket: SocketId) -> Vec<ServerMessage> {
    let heard = world.heard(socket).into_iter();
    heard
        .filter(|one| {
            matches!(
                one,
                ServerMessage::Control(ControlMessage::ShutdownNotice { .. })
                    | ServerMessage::Control(ControlMessage::ShutdownCancelled)
            )
        })
        .collect()
}

fn ahead(seconds: u32) -> Vec<ServerMessage> {
    vec![ServerMessage::Control(ControlMessage::ShutdownNotice { in_seconds: Some(seconds) })]
}

fn announce_shutdown(world: &mut World, shutdown_notice: ShutdownNotice<Millis>) {
    world.room.announce_shutdown(shutdown_notice, world.now);
    world.settle();
}

#[test]
fn everybody_is_told_once_how_long_the_meeting_goes_on() {
    let (mut world, a, b) = World::with_two_members();
    let at = Some(world.now + 60_000);
    for _ in 0..2 {
        announce_shutdown(&mut world, ShutdownNotice::Planned { at });
    }
    for client in [&a, &b] {
        assert_eq!(told(&mut world, client.socket), ahead(60));
    }
    announce_shutdown(&mut world, ShutdownNotice::Planned { at: at.map(|at| at + 1) });
    assert_eq!(told(&mut world, a.socket), ahead(61), "rounded up");
}

#[test]
fn whoever_comes_or_comes_back_is_told_what_is_left_of_it() {
    let (mut world, a, _) = World::with_two_members();
    let at = Some(world.now + 60_000);
    announce_shutdown(&mut world, ShutdownNotice::Planned { at });
    world.wait(5_000);
    let newcomer = world.join();
    assert_eq!(told(&mut world, newcomer.socket), ahead(55));
    world.break_socket(&a);
    world.wait(1_000);
    let back = world.resume(&a, a.joined.seq, world.position());
    assert_eq!(told(&mut world, back), ahead(54));
}

#[test]
fn nothing_is_told_where_nothing_is_known_and_that_it_is_called_off_is_told() {
    let (mut world, a, _) = World::with_two_members();
    announce_shutdown(&mut world, ShutdownNotice::None);
    assert_eq!(told(&mut world, a.socket), []);
    announce_shutdown(&mut world, ShutdownNotice::Planned { at: None });
    assert_eq!(
        told(&mut world, a.socket),
        [ServerMessage::Control(ControlMessage::ShutdownNotice { in_seconds: None })],
        "nobody has said when"
    );
    announce_shutdown(&mut world, ShutdownNotice::None);
    assert_eq!(
        told(&mut world, a.socket),
        [ServerMessage::Control(ControlMessage::ShutdownCancelled)]
    );
    let newcomer = world.join();
    assert_eq!(told(&mut world, newcomer.socket), []);
}
