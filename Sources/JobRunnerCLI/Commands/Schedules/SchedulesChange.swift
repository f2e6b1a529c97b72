internal import JobRunner

/// `jobrunner schedules remove`, `pause`, `resume` and `run`.
enum SchedulesChange {
    static let remove = CommandSpec(
        name: "remove", aliases: ["rm"], abstract: "Remove schedules; jobs they enqueued stay.",
        discussion: """
            It says how many, and asks. What code declares comes back with the next start of a \
            worker: pause that instead.
            """,
        options: [Confirmation.yes, OutputFormat.option], arguments: [ScheduleOptions.names]
    ) { invocation in
        try await each(invocation, asks: "remove") { name, schedules in
            try await schedules.remove(name)
            show(name, "removed", invocation) { $0.set("state", "removed") }
        }
    }

    static let pause = CommandSpec(
        name: "pause", abstract: "Pause schedules: nothing is enqueued until they are resumed.",
        discussion: """
            A pause outlives deploys and restarts; a pause of a paused schedule sets its reason \
            anew.
            """,
        options: [ScheduleOptions.reason, OutputFormat.option], arguments: [ScheduleOptions.names]
    ) { invocation in
        let reason = invocation[ScheduleOptions.reason]
        return try await each(invocation) { name, schedules in
            let isNew = try await schedules.pause(name, reason: reason)
            show(name, isNew ? "paused" : "paused, as it was before", invocation) { object in
                object.set("paused", true)
                object.set("changed", isNew)
            }
        }
    }

    static let resume = CommandSpec(
        name: "resume", abstract: "Resume paused schedules; what they missed is not made up for.",
        options: [OutputFormat.option], arguments: [ScheduleOptions.names]
    ) { invocation in
        try await each(invocation) { name, schedules in
            let wasPaused = try await schedules.resume(name)
            show(name, wasPaused ? "goes on" : "was not paused", invocation) { object in
                object.set("paused", false)
                object.set("changed", wasPaused)
            }
        }
    }

    static let run = CommandSpec(
        name: "run", abstract: "Enqueue a schedule's job now; its ticks stay as they are.",
        discussion: """
            Prints the job's handle, for 'jobs wait'. The exit code is 75 while an earlier job is \
            not done and the schedule's do not overlap.
            """,
        options: [OutputFormat.option], arguments: [ScheduleOptions.name]
    ) { invocation in
        try await SchedulesCommand.session(invocation) { schedules in
            let status = try await SchedulesCommand.status(
                invocation[ScheduleOptions.name], schedules)
            let handle: JobHandle<JSONValue>
            do {
                handle = try await schedules.run(status.name)
            } catch let error as ScheduleError {
                throw CommandFailure(error.description, exit: .temporary)
            }
            switch invocation[OutputFormat.option] {
            case .json, .jsonl:
                var object = JSONObject.versioned
                object.set("handle", "\(handle.queue)/\(handle.id)")
                invocation.console.print(object.text)
            default: invocation.console.print("\(handle.queue)/\(handle.id)")
            }
            return .success
        }
    }

    /// Does something to each schedule that was named; all of them must be there.
    private static func each(
        _ invocation: Invocation, asks verb: String? = nil,
        _ body: (String, Schedules) async throws -> Void
    ) async throws -> ExitCode {
        let names = invocation.all(ScheduleOptions.names)
        return try await SchedulesCommand.session(invocation) { schedules in
            for name in names { _ = try await SchedulesCommand.status(name, schedules) }
            if let verb {
                let what = "\(verb) \(EnqueueTally.count(names.count, "schedule"))"
                guard try await Confirmation.isGiven(to: what, invocation) else { return .no }
            }
            for name in names { try await body(name, schedules) }
            return .success
        }
    }

    private static func show(
        _ name: String, _ text: String, _ invocation: Invocation,
        _ fill: (inout JSONObject) -> Void
    ) {
        switch invocation[OutputFormat.option] {
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("name", name)
            fill(&object)
            invocation.console.print(object.text)
        case .name: invocation.console.print(name)
        case .table, .wide: invocation.console.print("\(name) \(text)")
        }
    }
}
