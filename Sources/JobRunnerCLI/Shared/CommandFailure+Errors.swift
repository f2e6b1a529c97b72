internal import JobRunner

extension CommandFailure {
    /// Any error as a line on standard error and an exit code of sysexits.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure:
            self = failure
        case let error as RedisURLError:
            self.init(error.description, exit: .configuration)
        case let error as RedisRouterError:
            self.init(error.description, exit: .configuration)
        case let fault as ServerFault:
            self.init(fault.description, exit: .configuration)
        case let error as NameError:
            self.init(error.description, exit: .usage)
        case let error as RedisError:
            self.init(redis: error)
        case let error as JobRunnerError:
            self.init(error)
        case is CancellationError:
            self.init("interrupted", exit: .temporary)
        default:
            self.init(escaped("\(error)", limit: 500), exit: .internal)
        }
    }

    private init(_ error: JobRunnerError) {
        switch error {
        case .redis(let cause), .redisFull(let cause): self.init(redis: cause)
        case .outcomeUnknown, .notDurable, .queueFull, .timedOut, .unknownOrExpired, .stopped:
            self.init(error.description, exit: .temporary)
        case .invalid, .unencodable, .undecodable, .notKept:
            self.init(error.description, exit: .data)
        case .failed, .alreadyEnqueued: self.init(error.description, exit: .no)
        }
    }

    private init(redis error: RedisError) {
        let exit: ExitCode =
            switch error {
            case .unreachable, .protocolViolation: .unavailable
            case .timeout, .closed, .cancelled, .stopped: .temporary
            case .server(let server):
                switch server.code {
                case .NOAUTH, .WRONGPASS, .NOPERM: .permission
                case .WRONGTYPE, .MOVED, .ASK, .CROSSSLOT: .configuration
                case let code where code.isTransient: .temporary
                default: .internal
                }
            default: .internal
            }
        let hint: String? =
            if case .unreachable = error {
                "Set --redis-url or JOBRUNNER_REDIS_URL to where Redis is."
            } else {
                nil
            }
        self.init(escaped(error.description, limit: 500), hint: hint, exit: exit)
    }
}
