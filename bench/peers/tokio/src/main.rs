// main.rs: the works with tokio's process module.
//
//   bench-tokio WORK COUNT TINY; see ../../measure.hpp.

use std::cell::RefCell;
use std::process::Stdio;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::task::LocalSet;

const BLOCK_SIZE: usize = 64 * 1024;
const LINE_SIZE: usize = 8;
const CHILDREN_IN_FLIGHT: usize = 64;
const FEW_IN_FLIGHT: usize = 2;
const STALL_IN_FLIGHT: usize = 16;
const TICK: Duration = Duration::from_millis(1);

type Result<T> = std::io::Result<T>;

fn processor() -> f64 {
    let mut sum = 0.0;
    for who in [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN] {
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        unsafe { libc::getrusage(who, &mut usage) };
        for time in [usage.ru_utime, usage.ru_stime] {
            sum += time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        }
    }
    sum
}

fn part_of(values: &mut Vec<f64>, part: f64) -> f64 {
    values.sort_by(|a, b| a.total_cmp(b));
    let place = (part * values.len().saturating_sub(1) as f64) as usize;
    values.get(place).copied().unwrap_or(0.0)
}

struct Stopwatch {
    began: Instant,
    lap_began: Instant,
    used: f64,
    laps: Vec<f64>,
}

impl Stopwatch {
    fn start() -> Self {
        let now = Instant::now();
        Self { began: now, lap_began: now, used: processor(), laps: vec![] }
    }

    fn lap(&mut self) {
        let now = Instant::now();
        self.laps.push((now - self.lap_began).as_secs_f64());
        self.lap_began = now;
    }

    fn figures(&mut self, count: usize) -> String {
        let seconds = if self.laps.is_empty() {
            self.began.elapsed().as_secs_f64() / count as f64
        } else {
            part_of(&mut self.laps, 0.5)
        };
        let used = (processor() - self.used) / count as f64;
        format!(r#""seconds": {seconds:.12}, "processor": {used:.12}"#)
    }

    fn report(&mut self, count: usize) {
        println!("{{{}}}", self.figures(count));
    }
}

async fn run_one(tiny: &str) -> Result<()> {
    let status = Command::new(tiny).spawn()?.wait().await?;
    assert!(status.success());
    Ok(())
}

async fn spawn_wait(tiny: &str, count: usize) -> Result<()> {
    let mut watch = Stopwatch::start();
    for _ in 0..count {
        run_one(tiny).await?;
        watch.lap();
    }
    watch.report(count);
    Ok(())
}

async fn spawn_communicate(tiny: &str, count: usize) -> Result<()> {
    let mut watch = Stopwatch::start();
    for _ in 0..count {
        let child =
            Command::new(tiny).arg("line").stdout(Stdio::piped()).spawn()?;
        let output = child.wait_with_output().await?;
        assert!(output.status.success());
        assert_eq!(output.stdout.len(), LINE_SIZE);
        watch.lap();
    }
    watch.report(count);
    Ok(())
}

async fn many(tiny: &str, count: usize, at_once: usize) -> Result<()> {
    let mut watch = Stopwatch::start();
    let left = Rc::new(RefCell::new(count));
    let local = LocalSet::new();
    for _ in 0..at_once {
        let (tiny, left) = (tiny.to_owned(), left.clone());
        local.spawn_local(async move {
            while *left.borrow() > 0 {
                *left.borrow_mut() -= 1;
                run_one(&tiny).await.unwrap();
            }
        });
    }
    local.await;
    watch.report(count);
    Ok(())
}

async fn count_bytes(mut from: ChildStdout) -> Result<usize> {
    let mut buffer = vec![0; BLOCK_SIZE];
    let mut total = 0;
    loop {
        match from.read(&mut buffer).await? {
            0 => return Ok(total),
            got => total += got,
        }
    }
}

async fn feed(mut to: ChildStdin, bytes: usize) -> Result<()> {
    let block = vec![b'x'; BLOCK_SIZE];
    for _ in 0..bytes / BLOCK_SIZE {
        to.write_all(&block).await?;
    }
    Ok(())
}

async fn read_some(tiny: &str, bytes: usize) -> Result<()> {
    let mut watch = Stopwatch::start();
    let mut child = Command::new(tiny)
        .args(["flood", &bytes.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let total = count_bytes(child.stdout.take().unwrap()).await?;
    child.wait().await?;
    watch.report(bytes);
    assert_eq!(total, bytes);
    Ok(())
}

async fn read_all(tiny: &str, bytes: usize) -> Result<()> {
    let mut watch = Stopwatch::start();
    let child = Command::new(tiny)
        .args(["flood", &bytes.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.wait_with_output().await?;
    watch.report(bytes);
    assert_eq!(output.stdout.len(), bytes);
    Ok(())
}

async fn write_some(tiny: &str, bytes: usize) -> Result<()> {
    let mut watch = Stopwatch::start();
    let mut child =
        Command::new(tiny).arg("sink").stdin(Stdio::piped()).spawn()?;
    feed(child.stdin.take().unwrap(), bytes).await?;
    child.wait().await?;
    watch.report(bytes);
    Ok(())
}

async fn duplex(tiny: &str, bytes: usize) -> Result<()> {
    let mut watch = Stopwatch::start();
    let mut child = Command::new(tiny)
        .arg("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (input, output) =
        (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (_, total) =
        tokio::try_join!(feed(input, bytes), count_bytes(output))?;
    child.wait().await?;
    watch.report(bytes);
    assert_eq!(total, bytes);
    Ok(())
}

async fn readline(tiny: &str, count: usize) -> Result<()> {
    let mut watch = Stopwatch::start();
    let mut child = Command::new(tiny)
        .args(["lines", &count.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    while lines.next_line().await?.is_some() {
        seen += 1;
    }
    child.wait().await?;
    watch.report(count);
    assert_eq!(seen, count);
    Ok(())
}

fn memory_kib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let words: Vec<_> = line.unwrap().split_whitespace().collect();
    words[1].parse().unwrap()
}

fn entries(folder: &str) -> f64 {
    std::fs::read_dir(folder).unwrap().count() as f64
}

async fn alive(tiny: &str, count: usize) -> Result<()> {
    run_one(tiny).await?;
    let (memory, descriptors) = (memory_kib(), entries("/proc/self/fd"));
    let mut watch = Stopwatch::start();
    let mut children = Vec::new();
    for _ in 0..count {
        children.push(Command::new(tiny).arg("pause").spawn()?);
        watch.lap();
    }
    println!(
        r#"{{{}, "memory_kib": {:.3}, "descriptors": {:.3}, "threads": {}}}"#,
        watch.figures(count),
        (memory_kib() - memory) / count as f64,
        (entries("/proc/self/fd") - descriptors) / count as f64,
        entries("/proc/self/task")
    );
    for child in &mut children {
        child.kill().await?;
    }
    Ok(())
}

async fn stall(tiny: &str, count: usize) -> Result<()> {
    let held = Rc::new(RefCell::new(Vec::new()));
    let late = Rc::new(RefCell::new(Vec::new()));
    let mut watch = Stopwatch::start();
    let local = LocalSet::new();
    let seen = late.clone();
    let ticker = local.spawn_local(async move {
        loop {
            let last = Instant::now();
            tokio::time::sleep(TICK).await;
            let late = last.elapsed().saturating_sub(TICK);
            seen.borrow_mut().push(late.as_secs_f64());
        }
    });
    let workers: Vec<_> = (0..STALL_IN_FLIGHT)
        .map(|_| {
            let (tiny, held) = (tiny.to_owned(), held.clone());
            local.spawn_local(async move {
                for _ in 0..count / STALL_IN_FLIGHT {
                    let began = Instant::now();
                    let mut child = Command::new(&tiny).spawn().unwrap();
                    held.borrow_mut().push(began.elapsed().as_secs_f64());
                    child.wait().await.unwrap();
                }
            })
        })
        .collect();
    local
        .run_until(async {
            for worker in workers {
                worker.await.unwrap();
            }
        })
        .await;
    ticker.abort();
    let (late, held) = (&mut late.borrow_mut(), &mut held.borrow_mut());
    print!(
        r#"{{{}, "tick_median": {:.9}, "tick_p99": {:.9}, "#,
        watch.figures(count),
        part_of(late, 0.5),
        part_of(late, 0.99),
    );
    println!(
        r#""tick_longest": {:.9}, "held": {:.9}, "held_p99": {:.9}}}"#,
        part_of(late, 1.0),
        part_of(held, 0.5),
        part_of(held, 0.99)
    );
    Ok(())
}

fn touched_memory() -> Vec<u8> {
    let gib = std::env::var("BROOD_BENCH_GIB").unwrap_or_default();
    let mut memory = vec![0; gib.parse::<usize>().unwrap_or(0) << 30];
    memory.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    memory
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().collect();
    assert_eq!(arguments.len(), 4, "usage: bench-tokio WORK COUNT TINY");
    let count = arguments[2].parse().expect("a number");
    let tiny = arguments[3].as_str();
    let memory = touched_memory();
    match arguments[1].as_str() {
        "spawn_wait" => spawn_wait(tiny, count).await?,
        "spawn_communicate" => spawn_communicate(tiny, count).await?,
        "in_flight" => many(tiny, count, CHILDREN_IN_FLIGHT).await?,
        "two_in_flight" => many(tiny, count, FEW_IN_FLIGHT).await?,
        "read_some" => read_some(tiny, count).await?,
        "read_all" => read_all(tiny, count).await?,
        "write_some" => write_some(tiny, count).await?,
        "duplex" => duplex(tiny, count).await?,
        "readline" => readline(tiny, count).await?,
        "alive" => alive(tiny, count).await?,
        "stall" => stall(tiny, count).await?,
        unknown => panic!("unknown work {unknown}"),
    }
    std::hint::black_box(&memory);
    Ok(())
}
