mod bed;
use bed::*;
#[tokio::test]
async fn show() {
    for v in BOTH {
        println!("== {v:?}\n{}", run(v, Bed::new().subject(), "states").await);
    }
}
