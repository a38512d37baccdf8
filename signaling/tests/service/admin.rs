//! The operator's routes, closed to everyone else.

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use signaling::{Draining, RunningRooms};
use signaling_protocol::{ControlMessage, RefusalCode, ServerMessage};

use crate::support::{ADMIN_TOKEN, Scene, Server};

async fn ask(server: &Server, method: Method, path: &str, token: &str, body: Value) -> Response {
    let url = format!("http://{}/api/admin/v1/{path}", server.admin);
    let request = Client::new().request(method, url).bearer_auth(token).json(&body);
    request.send().await.expect("an answer")
}

async fn rooms(server: &Server) -> RunningRooms {
    let answer = ask(server, Method::GET, "rooms", ADMIN_TOKEN, Value::Null).await;
    answer.json().await.expect("the running rooms")
}

#[tokio::test]
async fn the_running_rooms_are_told_with_how_many_are_in_them() {
    let scene = Scene::new().await;
    let _another = scene.join().await;
    let told = rooms(&scene.server).await;
    assert!(!told.draining);
    let [room] = &told.rooms[..] else { panic!("one room: {told:?}") };
    assert_eq!((&room.room, room.participants), (&scene.room, 2));
}

#[tokio::test]
async fn a_closed_meeting_ends_for_everybody_and_its_link_leads_nowhere() {
    let mut scene = Scene::new().await;
    let mut client = scene.join().await;
    let path = format!("rooms/{}", scene.room);
    let answer = ask(&scene.server, Method::DELETE, &path, ADMIN_TOKEN, Value::Null).await;
    assert_eq!(answer.status(), 204);
    for one in [&mut scene.bystander, &mut client] {
        assert_eq!(one.last_words().await, RefusalCode::UnknownRoom);
    }
    let token = scene.server.post(&format!("rooms/{}/tokens", scene.room)).await;
    assert_eq!(token.status(), 404);
    assert_eq!(rooms(&scene.server).await.rooms, []);
    let again = ask(&scene.server, Method::DELETE, &path, ADMIN_TOKEN, Value::Null).await;
    assert_eq!(again.status(), 404);
}

#[tokio::test]
async fn no_meeting_begins_while_it_drains_and_they_begin_again_afterwards() {
    let mut scene = Scene::new().await;
    let server = &scene.server;
    let drain = |draining| {
        let body = json!(Draining { draining, restart_in_seconds: Some(600) });
        ask(server, Method::PUT, "draining", ADMIN_TOKEN, body)
    };
    assert!(drain(true).await.status().is_success());
    let ahead = ServerMessage::Control(ControlMessage::ShutdownNotice { in_seconds: Some(600) });
    assert_eq!(scene.bystander.until(|one| *one == ahead).await, ahead);
    assert_eq!(scene.server.post("rooms").await.status(), 503);
    assert_eq!(scene.server.status("readyz").await, 503);
    assert!(rooms(&scene.server).await.draining);
    assert!(drain(false).await.status().is_success());
    assert_eq!(scene.server.post("rooms").await.status(), 201);
    assert_eq!(scene.server.status("readyz").await, 200);
    let off = ServerMessage::Control(ControlMessage::ShutdownCancelled);
    assert_eq!(scene.bystander.until(|one| *one == off).await, off);
}

#[tokio::test]
async fn one_who_does_not_say_when_need_not() {
    let mut scene = Scene::new().await;
    let body = json!({ "draining": true });
    let answer = ask(&scene.server, Method::PUT, "draining", ADMIN_TOKEN, body).await;
    assert!(answer.status().is_success());
    let ahead = ServerMessage::Control(ControlMessage::ShutdownNotice { in_seconds: None });
    assert_eq!(scene.bystander.until(|one| *one == ahead).await, ahead);
}

#[tokio::test]
async fn without_the_token_and_by_the_way_of_the_people_there_is_nothing_to_see_or_do() {
    let scene = Scene::new().await;
    let path = format!("rooms/{}", scene.room);
    let wrong = ["", "only-whoever-runs-it-know", "only-whoever-runs-it-knows-it"];
    for (method, path) in
        [(Method::GET, "rooms"), (Method::DELETE, path.as_str()), (Method::PUT, "draining")]
    {
        for token in wrong {
            let answer = ask(&scene.server, method.clone(), path, token, Value::Null).await;
            assert_eq!(answer.status(), 401, "{method} {path}");
        }
    }
    for path in ["metrics", "api/admin/v1/rooms"] {
        assert_eq!(scene.server.status(path).await, 404, "{path}");
    }
    assert_eq!(rooms(&scene.server).await.rooms.len(), 1, "nothing has happened");
}
