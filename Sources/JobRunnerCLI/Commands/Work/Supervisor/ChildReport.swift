/// What a child tells its supervisor, a line each.
enum ChildReport: Sendable, Equatable {
    /// The id it will work under; told before it registers anywhere.
    case worker(String)
    /// It works in all its queues.
    case joined
    /// It has run as many jobs as it may; it goes on until it is told to end.
    case worn
    /// A slot is stuck: it takes no more jobs and ends by itself.
    case leaving

    var line: String {
        switch self {
        case .worker(let id): "worker \(id)"
        case .joined: "joined"
        case .worn: "worn"
        case .leaving: "leaving"
        }
    }

    /// Nil for what no version of this program says.
    init?(line: some StringProtocol) {
        switch line {
        case "joined": self = .joined
        case "worn": self = .worn
        case "leaving": self = .leaving
        default:
            guard line.hasPrefix("worker "), line.utf8.count > 7 else { return nil }
            self = .worker(String(line.dropFirst(7)))
        }
    }

    /// As the roster hears it.
    func event(of serial: Int) -> Roster.Event {
        switch self {
        case .worker(let id): .named(serial, worker: id)
        case .joined: .joined(serial)
        case .worn: .worn(serial)
        case .leaving: .leaving(serial)
        }
    }
}
