//! The metrics of the service.

use signaling_protocol::{ClientMessage, LogPosition};

use crate::mls;
use crate::support::Scene;

#[tokio::test]
async fn the_figures_count_and_name_no_room_participant_or_secret() {
    let mut scene = Scene::new().await;
    let mut client = scene.join().await;
    let joined = client.joined.clone().expect("it has joined");
    let key_package = mls::key_package(joined.participant.0);
    client.send(&ClientMessage::UploadKeyPackage { key_package }).await;
    client.send(&ClientMessage::Heartbeat { position: LogPosition(1) }).await;
    client.text(r#"{"type":"made-up-type"}"#).await;
    client.refusal().await;
    scene.nobody_else_is_disturbed().await;

    let token = scene.token().await;
    let url = format!("http://{}/metrics", scene.server.admin);
    let figures = reqwest::get(url).await.expect("an answer").text().await.expect("text");
    for line in [
        "orange_rooms 1",
        "orange_participants 2",
        "orange_sockets 2",
        r#"orange_messages_in_total{type="hello"} 2"#,
        r#"orange_log_appends_total{outcome="appended"} 1"#,
        r#"orange_refusals_total{code="bad_message"} 1"#,
    ] {
        assert!(figures.lines().any(|one| one == line), "{line} in {figures}");
    }
    let secrets = [scene.room.as_str(), &token.0, &joined.resume_token.0, "made-up-type"];
    assert!(secrets.iter().all(|secret| !figures.contains(secret)), "{figures}");
    for line in figures.lines().filter(|line| !line.starts_with('#')) {
        let labels = line.split_once('{').map_or("", |(_, labels)| labels);
        let known = ["type=", "code=", "outcome=", "le="];
        assert!(labels.is_empty() || known.iter().any(|one| labels.starts_with(one)), "{line}");
    }
}
