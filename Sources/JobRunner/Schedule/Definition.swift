internal import FoundationEssentials
internal import RedisLink

/// A schedule as Redis keeps it: the schedule, who said so, how often it was changed.
///
/// Its JSON has the members of `Schedules.md`, always in one order: two of the same schedule are
/// equal byte for byte.
struct Definition: Sendable, Hashable {
    var schedule: Schedule
    var source: Schedule.Source
    /// 1 for a new one; grows with every change.
    var revision: Int

    var json: [UInt8] {
        var json = ScheduleJSON()
        json.add("revision", revision)
        json.add("source", source.rawValue)
        json.add(schedule)
        return json.bytes
    }

    /// Reads what `json` wrote.
    ///
    /// - Throws: `ScheduleError` for anything else: it was not made by jobrunner, or by a later
    ///   version of it.
    init(name: String, queue: String, json: [UInt8]) throws(ScheduleError) {
        let form: Form
        do {
            form = try JSONDecoder().decode(Form.self, from: Data(json))
        } catch {
            throw ScheduleError("schedule '\(printable(name))': its definition is not readable")
        }
        schedule = form.schedule(name: name, queue: queue)
        source = Schedule.Source(rawValue: form.source) ?? .other
        revision = form.revision
    }

    init(_ schedule: Schedule, source: Schedule.Source, revision: Int) {
        self.schedule = schedule
        self.source = source
        self.revision = revision
    }
}

extension Schedule {
    /// Who said that a schedule is to be.
    @nonexhaustive
    public enum Source: String, Sendable, Hashable, CaseIterable {
        /// An app's code, when its worker started.
        case code
        /// A file, by `schedules apply` or `work --schedule`.
        case file
        /// `jobrunner schedules add`.
        case cli
        /// A program, through `JobClient.schedules`.
        case client
        /// Somebody this version knows nothing of.
        case other
    }
}

/// The members of a definition, all but `name` and `queue`, which its key says.
private struct Form: Decodable {
    var revision: Int
    var source: String
    var every: Int?
    var offset: Int?
    var cron: String?
    var timeZone: String?
    var jitter: Int?
    var missed: String?
    var upTo: Int?
    var overlap: String?
    var job: String
    var args: String?
    var v: Int?
    var maxAttempts: Int?
    var timeLimit: Int?
    var resultTTL: Int?
    var expires: Int?
    var expired: String?
    var priority: Int?
    var fairBy: String?
    var unique: UniqueForm?

    func schedule(name: String, queue: String) -> Schedule {
        var options = JobOptions(queue: queue)
        if let maxAttempts { options.maxAttempts = maxAttempts }
        options.timeLimit = timeLimit.map { .milliseconds($0) }
        if let resultTTL { options.results = ResultPolicy(keeping: .milliseconds(resultTTL)) }
        options.expires = expires.map { .milliseconds($0) }
        if expired == Expiry.drop.rawValue { options.whenExpired = .drop }
        options.priority = priority ?? 0
        options.fairBy = fairBy
        options.unique = unique?.unique
        let timing: Schedule.Timing =
            if let cron {
                .cron(cron, timeZone: timeZone ?? "UTC")
            } else {
                .every(.milliseconds(every ?? 0), offset: .milliseconds(offset ?? 0))
            }
        let policy: Schedule.Missed =
            switch missed {
            case "skip": .skip
            case "all": .all(upTo: upTo ?? 1)
            default: .once
            }
        return Schedule(
            timing, job: job, arguments: args ?? "{}", version: v ?? 1, options: options,
            name: name, jitter: .milliseconds(jitter ?? 0), missed: policy,
            overlap: overlap.flatMap { Schedule.Overlap(rawValue: $0) } ?? .allow)
    }
}

/// The member `unique` of a definition.
private struct UniqueForm: Decodable {
    var argument: String?
    var key: String?
    var until: String
    var lifetime: Int

    enum CodingKeys: String, CodingKey {
        case argument, key, until
        case lifetime = "for"
    }

    var unique: Unique {
        let by: Unique.Key =
            if let argument { .argument(argument) } else if let key { .key(key) } else {
                .arguments
            }
        return Unique(
            by: by, until: Unique.End(rawValue: until) ?? .done, for: .milliseconds(lifetime))
    }
}
