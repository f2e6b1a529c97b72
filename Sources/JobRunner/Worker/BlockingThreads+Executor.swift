/// Tasks that prefer these threads run on them, a piece at a time: one that blocks holds up no
/// other task.
extension BlockingThreads: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        run { [unowned self] in
            // `unowned`: the engine keeps these threads for as long as a task of its can run.
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
