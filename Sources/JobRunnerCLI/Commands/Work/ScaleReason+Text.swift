internal import JobRunner

extension ScaleReason {
    /// For people.
    var text: String {
        switch self {
        case .backlog: "all slots are busy and jobs wait"
        case .noGain: "more slots ran no more jobs a second"
        case .trial: "to see whether fewer do as well"
        case .needed: "fewer slots ran fewer jobs a second"
        case .idle: "slots were idle"
        case .starved: "more slots, and the thread pool did not answer"
        case .memory: "more slots, and memory is near --max-memory-per-child"
        }
    }
}
