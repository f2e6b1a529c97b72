internal import JobRunner

/// The options and arguments that commands of `jobrunner schedules` share.
enum ScheduleOptions {
    static let name = Argument("name", help: "Which schedule.", read: .name)
    static let names = Argument("name", help: "Which schedules.", repeats: true, read: .name)
    static let file = Argument(
        "file", help: "The schedule file.", default: "jobrunner.schedule.json", read: .path)

    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_SCHEDULES_QUEUES", default: nil, placeholder: "NAME",
        help: "Only of this queue; of all when none is named.", repeats: true, read: .name)
    static let count = Option(
        "count", short: "n", env: "JOBRUNNER_SCHEDULES_COUNT", default: 10, placeholder: "N",
        help: "How many to show.", read: .int(1...100))
    static let reason = Option(
        "reason", env: "JOBRUNNER_SCHEDULES_REASON", default: "", placeholder: "TEXT",
        help: "Why, for who looks at it: one line of at most 200 characters.", read: .pauseReason)
    static let replace = Flag(
        "replace", env: "JOBRUNNER_SCHEDULES_REPLACE",
        help: "Change the schedule of that name, if there is another one.")
    static let prune = Option(
        "prune", env: "JOBRUNNER_SCHEDULES_PRUNE", default: nil, placeholder: "NAME",
        help: "Remove this schedule, which the file does not have; nothing else is removed.",
        repeats: true, read: .name)
    static let check = Flag(
        "check", env: "JOBRUNNER_SCHEDULES_CHECK",
        help: "Exit with 1 when Redis differs from the file.")

    static let every = Option<Duration>(
        "every", env: "JOBRUNNER_SCHEDULES_EVERY", default: nil, placeholder: "DURATION",
        help: "Due so often, on a grid that is counted from 1970.",
        read: .duration(.seconds(1) ... .seconds(366 * 86_400)))
    static let offset = Option(
        "offset", env: "JOBRUNNER_SCHEDULES_OFFSET", default: .zero, placeholder: "DURATION",
        help: "With --every: moves the grid.", read: .duration(.zero ... .seconds(366 * 86_400)))
    static let cron = Option<String>(
        "cron", env: "JOBRUNNER_SCHEDULES_CRON", default: nil, placeholder: "EXPRESSION",
        help: "Due at these times: minute hour day month weekday, or @daily and the like.",
        read: .text)
    static let timeZone = Option<String>(
        "time-zone", env: "JOBRUNNER_SCHEDULES_TIME_ZONE", default: nil, placeholder: "ZONE",
        help: "Whose clock it is, such as Europe/London; UTC unless given.", read: .text)
    static let jitter = Option(
        "jitter", env: "JOBRUNNER_SCHEDULES_JITTER", default: .zero, placeholder: "DURATION",
        help: "Put each tick off by up to this.",
        read: .duration(.zero ... .seconds(366 * 86_400)))
    static let missedTicks = Option(
        "missed", env: "JOBRUNNER_SCHEDULES_MISSED", default: "once", placeholder: "WORD",
        help: "Ticks that no process was there for: skip, once, or the last so many (1-1000).",
        read: .text)
    static let overlap = Option(
        "overlap", env: "JOBRUNNER_SCHEDULES_OVERLAP", default: Schedule.Overlap.allow,
        placeholder: "WORD",
        help: "While the last job is not done: allow, skip the tick, or queueOne.",
        read: .choice())
    static let job = Option<String>(
        "job", env: "JOBRUNNER_SCHEDULES_JOB", default: nil, placeholder: "NAME",
        help: "The job to enqueue; the schedule's name unless given.", read: .name)
    static let arguments = Option(
        "args", env: "JOBRUNNER_SCHEDULES_ARGS", default: "{}", placeholder: "JSON",
        help: "The job's arguments.", read: .text)
    static let queue = Option(
        "queue", short: "q", env: "JOBRUNNER_SCHEDULES_QUEUE", default: "default",
        placeholder: "NAME", help: "Where the job goes.", read: .name)

    static let missedWords = "skip, once or a number from 1 to 1000"

    /// `skip`, `once`, or how many.
    static func missed(_ text: String) -> Schedule.Missed? {
        switch text {
        case "skip": .skip
        case "once": .once
        default:
            if let most = Int(text), (1...1000).contains(most) { .all(upTo: most) } else { nil }
        }
    }

    /// Which times a command line says; nil when none.
    ///
    /// - Parameter showsZone: A zone is for showing times, whatever says them.
    /// - Throws: `CommandFailure` for both at once, and for what goes with the other.
    static func timing(
        _ invocation: Invocation, showsZone: Bool = false
    ) throws(CommandFailure) -> Schedule.Timing? {
        switch (invocation.optional(every), invocation.optional(cron)) {
        case (nil, nil): return nil
        case (_?, _?): throw CommandFailure("--every cannot go with --cron")
        case (let interval?, nil):
            if !showsZone, invocation.optional(timeZone) != nil {
                throw CommandFailure("--time-zone goes with --cron")
            }
            return .every(interval, offset: invocation[offset])
        case (nil, let expression?):
            if invocation[offset] != .zero { throw CommandFailure("--offset goes with --every") }
            return .cron(expression, timeZone: invocation.optional(timeZone) ?? "UTC")
        }
    }
}
