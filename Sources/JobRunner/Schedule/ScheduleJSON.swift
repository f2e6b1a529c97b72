internal import RedisLink

/// Writes a schedule as JSON, its members in one order and defaults left out.
struct ScheduleJSON {
    private var text: [UInt8] = []

    var bytes: [UInt8] { [UInt8(ascii: "{")] + text + [UInt8(ascii: "}")] }

    private mutating func key(_ key: String) {
        if !text.isEmpty { text.append(UInt8(ascii: ",")) }
        text.append(jsonString: key)
        text.append(UInt8(ascii: ":"))
    }

    mutating func add(_ key: String, _ number: Int) {
        self.key(key)
        text.append(decimal: Int64(number))
    }

    mutating func add(_ key: String, _ value: String) {
        self.key(key)
        text.append(jsonString: value)
    }

    private mutating func add(_ key: String, _ duration: Duration, unless usual: Duration) {
        if duration != usual { add(key, duration.milliseconds) }
    }

    /// All but its name and queue.
    mutating func add(_ schedule: Schedule) {
        switch schedule.timing {
        case .every(let interval, let offset):
            add("every", interval.milliseconds)
            add("offset", offset, unless: .zero)
        case .cron(let cron, let timeZone):
            add("cron", (try? Cron(cron).description) ?? cron)
            add("timeZone", timeZone)
        }
        add("jitter", schedule.jitter, unless: .zero)
        switch schedule.missed {
        case .once: break
        case .skip: add("missed", "skip")
        case .all(let most):
            add("missed", "all")
            add("upTo", most)
        }
        if schedule.overlap != .allow { add("overlap", schedule.overlap.rawValue) }
        add("job", schedule.job)
        // Text in text: nobody who reads it may change a number in it.
        if schedule.arguments != "{}" { add("args", schedule.arguments) }
        if schedule.version != 1 { add("v", schedule.version) }
        add(schedule.options)
    }

    private mutating func add(_ unique: Unique) {
        var json = ScheduleJSON()
        switch unique.key {
        case .arguments: break
        case .argument(let name): json.add("argument", name)
        case .key(let key): json.add("key", key)
        }
        json.add("until", unique.until.rawValue)
        json.add("for", unique.lifetime.milliseconds)
        key("unique")
        text += json.bytes
    }

    private mutating func add(_ options: JobOptions) {
        let usual = JobOptions()
        if options.maxAttempts != usual.maxAttempts { add("maxAttempts", options.maxAttempts) }
        if let limit = options.timeLimit { add("timeLimit", limit.milliseconds) }
        add("resultTTL", options.keepResult, unless: usual.keepResult)
        if let expires = options.expires {
            add("expires", expires.milliseconds)
            if options.whenExpired == .drop { add("expired", "drop") }
        }
        if options.priority != 0 { add("priority", options.priority) }
        if let argument = options.fairBy { add("fairBy", argument) }
        if let unique = options.unique { add(unique) }
    }
}

extension Schedule {
    /// What it is, to compare two by: equal texts are equal schedules.
    package var text: String {
        var json = ScheduleJSON()
        json.add("name", name)
        json.add("queue", queue)
        json.add(self)
        return String(decoding: json.bytes, as: UTF8.self)
    }
}
