import Dispatch
import Testing

@testable import JobRunner

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

@Suite("programs without descriptors", .timeLimit(.minutes(1)))
struct ProgramDescriptorTests {
    // In a process of its own: the limit is the whole process's.
    @Test func `says that descriptors ran out and works again once there are some`() async {
        await #expect(processExitsWith: .success) {
            let program = Program(name: "true", path: "/bin/true", isPersistent: false)
            let invocation = ProgramInvocation(
                id: "a", job: "true", attempt: 1, queue: "default", fence: 1, deadline: nil,
                arguments: [])
            let runner = ProgramRunner(concurrency: 2, environment: [:]) { _ in }
            let done = ProgramOutcome.done(Array("null".utf8))
            #expect(await runner.run(program, invocation: invocation) == done)

            // libdispatch opens what it needs for timers with the first one, and ends the process
            // when it cannot: before they run out.
            await withCheckedContinuation { continuation in
                DispatchQueue.global().asyncAfter(deadline: .now()) { continuation.resume() }
            }
            var limit = rlimit()
            #if canImport(Darwin)
                let resource = RLIMIT_NOFILE
            #else
                let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            #endif
            getrlimit(resource, &limit)
            limit.rlim_cur = 64
            setrlimit(resource, &limit)
            var taken: [Int32] = []
            // With 6 free the pipes can be made, and there would be none to watch it by.
            for free in 0...6 {
                // Anew each time: the test library opens and closes some of its own.
                while case let descriptor = dup(0), descriptor >= 0 { taken.append(descriptor) }
                for _ in 0..<free { close(taken.removeLast()) }
                let outcome = await runner.run(program, invocation: invocation)
                let expected = ProgramOutcome.notStarted(
                    "out of file descriptors (limit 64): /bin/true was not started")
                #expect(outcome == expected, "\(free) free")
            }
            close(taken.removeLast())
            #expect(await runner.run(program, invocation: invocation) == done)
        }
    }
}
