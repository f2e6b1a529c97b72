internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// `jobrunner doctor`: finds what keeps jobs from running or could lose them.
enum DoctorCommand {
    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_DOCTOR_QUEUES", default: nil, placeholder: "NAME",
        help: "Only this queue; all that were ever used when none is named.", repeats: true,
        read: .name)
    static let fix = Flag(
        "fix", env: "JOBRUNNER_DOCTOR_FIX",
        help: "Give back the jobs of workers that are gone, and look again.")
    static let strict = Flag(
        "strict", env: "JOBRUNNER_DOCTOR_STRICT", help: "Exit code 1 for warnings as well.")

    static let spec = CommandSpec(
        name: "doctor", abstract: "Check Redis, the queues and the workers.",
        discussion: """
            Each check says what it found, what that means and what mends it. What this Redis user \
            has no right to look at is skipped, and no failure. Nothing is changed without --fix.

            --fix gives back the jobs of workers that are gone while no other is there to notice, \
            and of those that no queue knows any more, and moves what is parked in 'landing' to \
            'ready'. It deletes nothing.

            Exit codes: 0 fine, or warnings only; 1 problems, and with --strict warnings; 69 Redis \
            is away; 77 Redis refused the login.
            """,
        options: [queues, fix, strict, OutputFormat.option], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        do {
            var options = ClientOptions()
            options.prefix = invocation[GlobalOptions.prefix]
            let url = try RedisURL(invocation[GlobalOptions.redisURL])
            let client = try JobClient(url, options: options)
            defer { client.close() }
            let info = try await look(client, invocation)
            let names = invocation.all(queues)
            let doctor = Doctor(client: client, info: info, queues: names.isEmpty ? nil : names)
            let done = invocation[fix] ? try await doctor.fix() : []
            let found = try await doctor.examine(url: url, isRoot: geteuid() == 0) {
                RFC3339.format(milliseconds: $0)
            }
            DoctorText.show(found, done: done, invocation)
            let worst: [Finding.Verdict] = invocation[strict] ? [.problem, .warn] : [.problem]
            return found.contains { worst.contains($0.verdict) } ? .no : .success
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Not a `Session`: a server that is too old, or tells this user nothing, is a finding here.
    private static func look(
        _ client: JobClient, _ invocation: Invocation
    ) async throws -> ServerInfo {
        do {
            return try await Session.reach(
                client, patience: invocation[GlobalOptions.patience], console: invocation.console)
        } catch let error as RedisError {
            guard case .server(let refusal) = error, refusal.code == .NOPERM else { throw error }
            return ServerInfo("")
        }
    }
}
