internal import JobRunner

/// `jobrunner schedules add`.
enum SchedulesAdd {
    static let spec = CommandSpec(
        name: "add", abstract: "Add a schedule, or with --replace change the one of that name.",
        discussion: """
            jobrunner schedules add cleanup --every 30s

            jobrunner schedules add nightly --job report.daily --cron '0 3 * * *' \
            --time-zone Europe/London --overlap skip

            Where there is another one of that name it says how they differ, and exits with 65; \
            with --replace it changes it. Whoever declares it in code has the last word again with \
            the next start of a worker.
            """,
        options: [
            ScheduleOptions.every, ScheduleOptions.offset, ScheduleOptions.cron,
            ScheduleOptions.timeZone, ScheduleOptions.job, ScheduleOptions.arguments,
            ScheduleOptions.queue, ScheduleOptions.jitter, ScheduleOptions.missedTicks,
            ScheduleOptions.overlap, ScheduleOptions.replace, OutputFormat.option,
        ],
        arguments: [ScheduleOptions.name]
    ) { invocation in
        let schedule = try schedule(invocation)
        return try await SchedulesCommand.session(invocation) { schedules in
            if !invocation[ScheduleOptions.replace] { try await check(schedule, schedules) }
            let addition = try await schedules.put(schedule, source: .cli)
            switch invocation[OutputFormat.option] {
            case .json, .jsonl:
                var object = JSONObject.versioned
                object.set("name", schedule.name)
                object.set("state", addition.rawValue)
                invocation.console.print(object.text)
            case .name: invocation.console.print(schedule.name)
            case .table, .wide: invocation.console.print("\(addition.rawValue) \(schedule.name)")
            }
            return .success
        }
    }

    /// - Throws: `CommandFailure` with exit code 65 when there is another one of its name.
    private static func check(_ schedule: Schedule, _ schedules: Schedules) async throws {
        let same = try await schedules.list().filter { $0.name == schedule.name }
        let entry = ScheduleFile.Entry(schedule: schedule)
        for status in same {
            // Whether it is paused is no part of what is added.
            let parts = SchedulePlan.differences(status, entry).filter { $0.label != "enabled" }
            guard !parts.isEmpty else { continue }
            let text = parts.map { "\($0.label) \($0.from) -> \($0.to)" }.joined(separator: ", ")
            throw CommandFailure(
                "there is another schedule '\(schedule.name)': \(escaped(text, limit: 1000))",
                hint: "Give --replace to change it, or another name.", exit: .data)
        }
    }

    private static func schedule(_ invocation: Invocation) throws(CommandFailure) -> Schedule {
        guard let timing = try ScheduleOptions.timing(invocation) else {
            throw CommandFailure("when? Give --every or --cron")
        }
        let words = invocation[ScheduleOptions.missedTicks]
        guard let missed = ScheduleOptions.missed(words) else {
            throw CommandFailure(
                "--missed must be \(ScheduleOptions.missedWords), got '\(escaped(words))'")
        }
        let name = invocation[ScheduleOptions.name]
        let schedule = Schedule(
            timing, job: invocation.optional(ScheduleOptions.job) ?? name,
            arguments: invocation[ScheduleOptions.arguments],
            options: JobOptions(queue: invocation[ScheduleOptions.queue]), name: name,
            jitter: invocation[ScheduleOptions.jitter], missed: missed,
            overlap: invocation[ScheduleOptions.overlap])
        do throws(ScheduleError) {
            try schedule.check()
        } catch {
            throw CommandFailure(error.description)
        }
        return schedule
    }
}
