import CSpawn

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// The thread that waits for all programs of a runner at once.
///
/// It never waits in anything but `poll`: the pipes do not block, a child is
/// reaped only once its descriptor says that it ended.
final class ProgramThread {
    private let pool: ProgramPool
    private let mailbox: ProgramMailbox
    /// Read into and taken out of at once; as much as a pipe holds by default (pipe(7)).
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

    private init(_ settings: ProgramSettings, _ mailbox: ProgramMailbox) {
        pool = ProgramPool(settings)
        self.mailbox = mailbox
    }

    deinit { buffer.deallocate() }

    /// What the new thread is given; it makes everything else itself.
    private final class Start: Sendable {
        let settings: ProgramSettings
        let mailbox: ProgramMailbox

        init(_ settings: ProgramSettings, _ mailbox: ProgramMailbox) {
            self.settings = settings
            self.mailbox = mailbox
        }
    }

    /// Starts a thread that lives until `shutdown` was sent and all is over.
    ///
    /// - Throws: `ProgramError.outOfProcesses`, as the reason why `path` cannot start.
    static func start(
        _ settings: ProgramSettings, _ mailbox: ProgramMailbox, for path: String
    ) throws(ProgramError) {
        let start = Unmanaged.passRetained(Start(settings, mailbox)).toOpaque()
        let failure = detach(start)
        if failure != 0 {
            Unmanaged<Start>.fromOpaque(start).release()
            throw .outOfProcesses(path: path, errno: failure)
        }
    }

    /// Starts a thread in `enter` that nobody joins; 0 or an errno.
    private static func detach(_ argument: UnsafeMutableRawPointer) -> Int32 {
        // Memory, not `pthread_attr_t()`: of the C modules that have the type, an optimized
        // build takes CHiredis for its home, which this target does not import.
        withUnsafeTemporaryAllocation(of: pthread_attr_t.self, capacity: 1) { buffer in
            guard let attributes = buffer.baseAddress else { return ENOMEM }
            pthread_attr_init(attributes)
            defer { pthread_attr_destroy(attributes) }
            pthread_attr_setdetachstate(attributes, CInt(PTHREAD_CREATE_DETACHED))
            #if canImport(Darwin)
                var thread: pthread_t?
            #else
                var thread = pthread_t()
            #endif
            return pthread_create(&thread, attributes, enterProgramThread, argument)
        }
    }

    fileprivate static func enter(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?
    {
        guard let argument else { return nil }
        // Signals belong to the threads of the host. SIGPIPE stays pending here,
        // and a write to a program that stopped reading just fails.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        ProgramThread(start.settings, start.mailbox).work()
        return nil
    }

    private func work() {
        while true {
            let now = ContinuousClock.now
            for command in mailbox.take() { pool.handle(command, now: now) }
            pool.advance(buffer: buffer, now: now)
            pool.fill()
            if pool.isFinished, mailbox.close() { break }
            wait()
        }
        pool.announceEnd()
    }

    /// Waits for commands, pipes, ends and the next step, and takes what came.
    private func wait() {
        var watched = [pollfd(fd: mailbox.descriptor, events: Int16(POLLIN), revents: 0)]
        var sources: [(process: ProgramProcess, channel: ProgramProcess.Channel)] = []
        for process in pool.processes {
            for channel in ProgramProcess.Channel.allCases {
                guard let descriptor = process.descriptor(channel) else { continue }
                let events = channel == .input ? POLLOUT : POLLIN
                watched.append(pollfd(fd: descriptor, events: Int16(events), revents: 0))
                sources.append((process, channel))
            }
        }
        guard poll(&watched, nfds_t(watched.count), timeout()) > 0 else { return }
        let now = ContinuousClock.now
        for (event, source) in zip(watched.dropFirst(), sources) where event.revents != 0 {
            pool.ready(source.process, source.channel, buffer: buffer, now: now)
        }
    }

    /// Milliseconds for `poll`; -1 when there is no next step.
    private func timeout() -> Int32 {
        guard let next = pool.nextStep else { return -1 }
        return Int32(clamping: (next - .now).millisecondsUp)
    }
}

// Not a closure: that crashes the compiler here (Swift 6.3.1, SendNonSendable).
#if canImport(Darwin)
    private func enterProgramThread(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer?
    {
        ProgramThread.enter(argument)
    }
#else
    private func enterProgramThread(_ argument: UnsafeMutableRawPointer?)
        -> UnsafeMutableRawPointer?
    {
        ProgramThread.enter(argument)
    }
#endif
