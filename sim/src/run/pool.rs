//! Runs on several threads: each on a thread of its own, since foreign code may keep what it likes by thread.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Does every task, at most `jobs` at once; results in the order of the tasks.
pub(super) fn each<T: Sync, R: Send>(tasks: &[T], jobs: usize, act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<R>>> = Mutex::new(tasks.iter().map(|_| None).collect());
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, tasks.len().max(1)) {
            scope.spawn(|| {
                while let Some((nth, task)) = take(&next, tasks) {
                    let result = thread::scope(|fresh| fresh.spawn(|| act(task)).join()).expect("a run catches its own panics");
                    results.lock().expect("no holder of this lock panics")[nth] = Some(result);
                }
            });
        }
    });
    let results = results.into_inner().expect("no holder of this lock panics");
    results.into_iter().map(|result| result.expect("every task was done")).collect()
}

fn take<'a, T>(next: &AtomicUsize, tasks: &'a [T]) -> Option<(usize, &'a T)> {
    let nth = next.fetch_add(1, Ordering::Relaxed);
    tasks.get(nth).map(|task| (nth, task))
}
