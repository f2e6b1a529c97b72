internal import FoundationEssentials
internal import JobRunner

/// What a bench found, as the JSON that `Bench.md` documents.
struct BenchDocument {
    let settings: BenchSettings
    let figures: BenchFigures
    let redisVersion: String
    let load: Double

    /// One object on several lines, keys sorted.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }

    /// Every figure is there; null is one that was not measured.
    var value: JSONValue {
        var object: [String: JSONValue] = [
            "v": .integer(1),
            "at": .string(Date().formatted(.iso8601)),
            "jobrunner_version": .string(JobRunner.version),
            "redis_version": .string(redisVersion),
            "machine": .object([
                "cores": .integer(ProcessUsage.cores), "load_1m": Self.number(load),
            ]),
            "settings": settings.json,
        ]
        var groups: [String: [String: JSONValue]] = [:]
        var spreads: [String: JSONValue] = [:]
        var ratios: [String: JSONValue] = [:]
        for figure in BenchFigure.allCases {
            let value = figures[figure].map(Self.number) ?? .null
            let path = figure.rawValue.split(separator: ".").map(String.init)
            if path.count == 2 {
                groups[path[0], default: [:]][path[1]] = value
            } else {
                object[path[0]] = value
            }
            if let spread = figures.spread(figure) {
                spreads[figure.rawValue] = .array(
                    [spread.lowerBound, spread.upperBound].map(Self.number))
            }
            if figure.yardstick != nil {
                ratios[figure.rawValue] = figures.ratio(figure).map(Self.number) ?? .null
            }
        }
        for (name, group) in groups { object[name] = .object(group) }
        object["spread"] = .object(spreads)
        object["ratios"] = .object(ratios)
        return .object(object)
    }

    private static func number(_ value: Double) -> JSONValue {
        let value = rounded(value)
        return value == value.rounded() ? .integer(Int(value)) : .number(value)
    }
}

extension BenchSettings {
    fileprivate var json: JSONValue {
        .object([
            "parts": .array(
                Part.allCases.filter { parts.contains($0) }.map { .string($0.rawValue) }),
            "jobs": .integer(jobs),
            "jobs_from_one_task": .integer(jobsFromOne),
            "jobs_from_64_tasks": .integer(jobsFromMany),
            "bulk_batch": .integer(Self.bulk),
            "concurrency": .integer(concurrency),
            "payload_bytes": .integer(payload),
            "rate_per_s": .integer(rate),
            "latency_jobs": .integer(latencyJobs),
            "latency_warm_up_jobs": .integer(LatencyBench.warmUp),
            "idle_ms": .integer(idle.milliseconds),
            "repeat": .integer(runs),
            "queue": .string(queue),
            "ready": .integer(ready),
            "deduplication_ms": .integer(Self.kept.milliseconds),
            "keep_result_ms": .integer(Self.kept.milliseconds),
        ])
    }
}
