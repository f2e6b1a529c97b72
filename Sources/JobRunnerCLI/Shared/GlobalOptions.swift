/// What every command understands.
enum GlobalOptions {
    static let redisURL = Option(
        "redis-url", short: "u", env: "JOBRUNNER_REDIS_URL", fallbackEnv: ["REDIS_URL"],
        default: "redis://127.0.0.1:6379", placeholder: "URL",
        help: "Where Redis is: redis://[user:password@]host[:port][/db] or unix:///path.",
        read: .url)
    static let prefix = Option(
        "prefix", env: "JOBRUNNER_PREFIX", default: "jobrunner", placeholder: "NAME",
        help: "What all keys begin with; one a system.", read: .name)
    static let patience = Option(
        "connect-patience", env: "JOBRUNNER_CONNECT_PATIENCE", default: .seconds(30),
        placeholder: "DURATION",
        help: "How long a command tries to reach Redis; work goes on for ever.",
        read: .duration(.zero ... .seconds(3600)))
}

extension ValueReader where Value == String {
    /// A name: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    static var name: ValueReader<String> {
        ValueReader(describe: "1 to 64 of A-Z a-z 0-9 . _ -") { text throws(InvalidValue) in
            let isName =
                (1...64).contains(text.utf8.count)
                && text.utf8.allSatisfy {
                    switch $0 {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"),
                        UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                        UInt8(ascii: "-"):
                        true
                    default: false
                    }
                }
            guard isName else { throw InvalidValue() }
            return text
        }
    }
}
