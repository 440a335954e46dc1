// SPDX-License-Identifier: MIT

//! Tokio's side of what waits. tokio.c asks by name, through the same bench.h as everybody.

use std::collections::hash_map::{Entry, HashMap};
use std::future::Future;
use std::os::raw::c_long;
use std::pin::Pin;
use std::sync::{Arc, Mutex as ThreadMutex};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, Mutex, Notify, Semaphore};
use tokio::task::{spawn, yield_now, JoinHandle};

const TASKS: u64 = 1000;
const UNITS: usize = 4;
const WAITERS: u64 = 100000;

fn took(begin: Instant) -> i64 {
    begin.elapsed().as_nanos() as i64
}

/// What 1000 tasks took for their turns, for n of them.
fn share(begin: Instant, n: u64, turns: u64) -> i64 {
    (took(begin) as f64 * n as f64 / (turns * TASKS) as f64) as i64
}

fn work() {
    let mut value = 1u64;
    for _ in 0..10 {
        value = value.wrapping_mul(6364136223846793005).wrapping_add(1);
        std::hint::black_box(&value);
    }
}

async fn all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

async fn lock_free(n: u64) -> i64 {
    let lock = Mutex::new(0u64);
    let begin = Instant::now();
    for _ in 0..n {
        *lock.lock().await += 1;
    }
    took(begin)
}

async fn semaphore_free(n: u64) -> i64 {
    let semaphore = Semaphore::new(UNITS);
    let begin = Instant::now();
    for _ in 0..n {
        drop(semaphore.acquire().await.unwrap());
    }
    took(begin)
}

async fn lock_fifo(n: u64) -> i64 {
    let lock = Arc::new(Mutex::new(0u64));
    let turns = n / TASKS + 1;
    let begin = Instant::now();
    let one = |lock: Arc<Mutex<u64>>| async move {
        for _ in 0..turns {
            let mut counted = lock.lock().await;
            work();
            *counted += 1;
        }
    };
    all((0..TASKS).map(|_| spawn(one(lock.clone()))).collect()).await;
    assert_eq!(*lock.lock().await, turns * TASKS);
    share(begin, n, turns)
}

async fn semaphore_4(n: u64) -> i64 {
    let semaphore = Arc::new(Semaphore::new(UNITS));
    let turns = n / TASKS + 1;
    let begin = Instant::now();
    let one = |semaphore: Arc<Semaphore>| async move {
        for _ in 0..turns {
            let _unit = semaphore.acquire().await.unwrap();
            work();
        }
    };
    all((0..TASKS).map(|_| spawn(one(semaphore.clone()))).collect()).await;
    share(begin, n, turns)
}

/// Tokio has no channel without capacity: one item is kept.
async fn pingpong(n: u64) -> i64 {
    let (there, mut ball) = mpsc::channel(1);
    let (back, mut returned) = mpsc::channel(1);
    let other = spawn(async move {
        while let Some(value) = ball.recv().await {
            back.send(value + 1).await.unwrap();
        }
    });
    let begin = Instant::now();
    for i in 0..n {
        there.send(i).await.unwrap();
        assert_eq!(returned.recv().await, Some(i + 1));
    }
    let took = took(begin);
    drop(there);
    other.await.unwrap();
    took
}

async fn channel_64(n: u64) -> i64 {
    let (send, mut receive) = mpsc::channel(64);
    let begin = Instant::now();
    let sender = spawn(async move {
        for i in 0..n {
            send.send(i).await.unwrap();
        }
    });
    let mut next = 0;
    while let Some(i) = receive.recv().await {
        assert_eq!(i, next);
        next += 1;
    }
    sender.await.unwrap();
    assert_eq!(next, n);
    took(begin)
}

async fn yields(n: u64) -> i64 {
    let begin = Instant::now();
    let one = || async move {
        for _ in 0..n / 2 + 1 {
            yield_now().await;
        }
    };
    all(vec![spawn(one()), spawn(one())]).await;
    took(begin)
}

fn part(first: u64, size: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if size == 1 {
            return first;
        }
        let parts: Vec<_> =
            (0..10).map(|i| spawn(part(first + i * size / 10, size / 10))).collect();
        let mut sum = 0;
        for part in parts {
            sum += part.await.unwrap();
        }
        sum
    })
}

async fn skynet(n: u64) -> i64 {
    let begin = Instant::now();
    for _ in 0..n {
        assert_eq!(part(0, 1000000).await, 499999500000);
    }
    took(begin)
}

/// For n of them, from the notice until all have ended.
async fn event_wake(n: u64) -> i64 {
    let event = Arc::new(Notify::new());
    let (came, mut arrivals) = mpsc::unbounded_channel();
    let wait = |event: Arc<Notify>, came: mpsc::UnboundedSender<()>| async move {
        let notified = event.notified(); // what comes from now on counts
        came.send(()).unwrap();
        notified.await;
    };
    let tasks: Vec<_> =
        (0..WAITERS).map(|_| spawn(wait(event.clone(), came.clone()))).collect();
    for _ in 0..WAITERS {
        arrivals.recv().await.unwrap();
    }
    let begin = Instant::now();
    event.notify_waiters();
    all(tasks).await;
    (took(begin) as f64 * n as f64 / WAITERS as f64) as i64
}

/// Kept until the program ends, one for each number of workers.
static RUNTIMES: ThreadMutex<Option<HashMap<usize, &'static Runtime>>> = ThreadMutex::new(None);

fn runtime(workers: usize) -> Option<&'static Runtime> {
    let mut guard = RUNTIMES.lock().unwrap();
    match guard.get_or_insert_with(HashMap::new).entry(workers) {
        Entry::Occupied(known) => Some(*known.get()),
        Entry::Vacant(free) => {
            let made = Builder::new_multi_thread().worker_threads(workers).build().ok()?;
            Some(*free.insert(Box::leak(Box::new(made))))
        }
    }
}

/// The operation, n times, in a task: nanoseconds, or below 0.
#[no_mangle]
pub extern "C" fn tokio_run(operation: u32, n: u64, workers: c_long) -> i64 {
    let (answer, took) = oneshot::channel();
    let runtime = match runtime(workers as usize) {
        Some(runtime) => runtime,
        None => return -1,
    };
    runtime.spawn(async move {
        let _ = answer.send(match operation {
            0 => lock_free(n).await,
            1 => lock_fifo(n).await,
            2 => semaphore_free(n).await,
            3 => semaphore_4(n).await,
            4 => pingpong(n).await,
            5 => channel_64(n).await,
            6 => yields(n).await,
            7 => skynet(n).await,
            _ => event_wake(n).await,
        });
    });
    runtime.block_on(took).unwrap_or(-1)
}
