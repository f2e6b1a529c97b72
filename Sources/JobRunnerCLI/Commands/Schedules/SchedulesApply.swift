internal import JobRunner

/// `jobrunner schedules plan` and `apply`: a file and what Redis has of it.
enum SchedulesApply {
    private static let rules = """
        Lines begin with + for what is added, ~ for what changes and - for what is removed. \
        Nothing is removed but what --prune names. What is wrong with the file is an error with \
        exit code 78, and nothing is done.
        """

    static let plan = CommandSpec(
        name: "plan", abstract: "Show how the schedules differ from a file; changes nothing.",
        discussion: rules,
        options: [ScheduleOptions.prune, ScheduleOptions.check, OutputFormat.option],
        arguments: [ScheduleOptions.file]
    ) { invocation in
        let file = try ScheduleFile(path: invocation[ScheduleOptions.file])
        return try await SchedulesCommand.session(invocation) { schedules in
            let plan = try SchedulePlan(
                file, try await schedules.list(), prune: invocation.all(ScheduleOptions.prune))
            show(plan, invocation)
            return plan.steps.isEmpty || !invocation[ScheduleOptions.check] ? .success : .no
        }
    }

    static let apply = CommandSpec(
        name: "apply", abstract: "Make the schedules those of a file, after showing how.",
        discussion: rules + " It shows them, and asks.",
        options: [ScheduleOptions.prune, Confirmation.yes, OutputFormat.option],
        arguments: [ScheduleOptions.file]
    ) { invocation in
        let file = try ScheduleFile(path: invocation[ScheduleOptions.file])
        return try await SchedulesCommand.session(invocation) { schedules in
            let plan = try SchedulePlan(
                file, try await schedules.list(), prune: invocation.all(ScheduleOptions.prune))
            show(plan, invocation)
            if plan.steps.isEmpty { return .success }
            guard try await Confirmation.isGiven(to: plan.verb, invocation) else { return .no }
            try await plan.apply(schedules)
            return .success
        }
    }

    private static func show(_ plan: SchedulePlan, _ invocation: Invocation) {
        let console = invocation.console
        switch invocation[OutputFormat.option] {
        case .json, .jsonl:
            var object = JSONObject.versioned
            let lines = plan.steps.isEmpty ? [] : plan.lines.filter { !$0.hasPrefix("not in") }
            object.set(
                "steps",
                raw: "[" + lines.map { TerminalJSON.string($0) }.joined(separator: ",") + "]")
            console.print(object.text)
        case .name: for step in plan.steps { console.print(escaped(step.name)) }
        case .table, .wide: for line in plan.lines { console.print(line) }
        }
    }
}
