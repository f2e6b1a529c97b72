internal import RedisLink
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A place in the code where a debug build can be told to die, for the fault tests.
///
/// `FAULT_POINT=fetchSent:3` ends the process by SIGKILL the third time it passes there; without
/// a number, the first. A release build has none of this: `pass` is empty there.
package enum Failpoint: Sendable {
    // A producer.

    /// An enqueue is about to be written to the socket.
    case enqueueSending
    /// It is written, and its reply not yet read.
    case enqueueSent
    /// Its reply is read, and its caller does not know yet.
    case enqueueAnswered

    // A worker that takes jobs.

    /// Registered in a queue; nothing is asked for yet.
    case joined
    /// BRPOPLPUSH brought a job.
    case woken
    /// A cycle without acks is about to be written.
    case fetchSending
    /// It is written, and its reply not yet read.
    case fetchSent
    /// Its reply is read, and brought jobs; none has started.
    case fetched
    /// The handler is about to be called.
    case starting
    /// The handler has begun: passed by the handlers of the fault tests.
    case running

    // A worker that hands back what it finished.

    /// The handler has ended, and no ack is noted yet.
    case ended
    /// A cycle with acks is about to be written.
    case ackSending
    /// It is written, and its reply not yet read.
    case ackSent
    /// Its reply is read, and nothing is concluded from it.
    case acked

    // A worker whose job is a step of a workflow.

    /// The step's end is about to be told.
    case advancing
    /// It is told; nothing that it leads to is enqueued, and nothing is acked.
    case advanced

    // Upkeep, and the end.

    /// A tick was answered, and what it tells not yet heard.
    case ticked
    /// A call of reap was answered; the next one is not sent.
    case reaped
    /// A worker that leaves is about to give back what it holds.
    case givingBack
    /// A supervisor is about to give back what its dead child held.
    case reapingDead

    /// Dies here if it was told to.
    @inline(__always) package func pass() {
        #if DEBUG
            guard case .success(let armed?) = Self.armed, armed.point == self else { return }
            let count = Self.passed.add(1, ordering: .relaxed).newValue
            if count == armed.passes { _ = kill(getpid(), SIGKILL) }
        #endif
    }

    /// - Throws: `JobRunnerError.invalid` when FAULT_POINT names no place of this build.
    @inline(__always) static func check() throws(JobRunnerError) {
        #if DEBUG
            _ = try armed.get()
        #endif
    }
}

#if DEBUG
    extension Failpoint: CaseIterable {
        /// Where to die, and at which pass.
        struct Armed: Sendable, Equatable {
            let point: Failpoint
            /// 1 or more.
            let passes: Int

            /// Reads `<name>` or `<name>:<passes>`.
            ///
            /// - Throws: `JobRunnerError.invalid`.
            init(_ text: String) throws(JobRunnerError) {
                let parts = text.split(separator: ":", omittingEmptySubsequences: false)
                guard let point = Failpoint.allCases.first(where: { "\($0)" == parts[0] }) else {
                    let names = Failpoint.allCases.map { "\($0)" }.joined(separator: ", ")
                    throw .invalid(
                        "FAULT_POINT: no failpoint '\(printable(String(parts[0])))'; "
                            + "there are \(names)")
                }
                self.point = point
                guard let passes = parts.count > 1 ? Int(parts[1]) : 1, passes > 0,
                    parts.count <= 2
                else {
                    throw .invalid(
                        "FAULT_POINT: '\(printable(text))' is not \(point) and a number from 1")
                }
                self.passes = passes
            }
        }

        private static let armed: Result<Armed?, JobRunnerError> = {
            guard let text = getenv("FAULT_POINT").map({ String(cString: $0) }) else {
                return .success(nil)
            }
            do throws(JobRunnerError) {
                return .success(try Armed(text))
            } catch {
                return .failure(error)
            }
        }()
        private static let passed = Atomic(0)
    }
#endif

extension Call {
    /// The same call, with one failpoint before it is written and one behind.
    @inline(__always) func passing(_ before: Failpoint, _ after: Failpoint) -> Call {
        #if DEBUG
            var command = command
            command.onWrite = CommandHooks(before: before.pass, after: after.pass)
            return Call(key: key, command: command, read: read)
        #else
            self
        #endif
    }
}
