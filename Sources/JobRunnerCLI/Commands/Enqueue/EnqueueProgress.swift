internal import JobRunner

/// What came of many lines so far.
struct EnqueueTally: Sendable, Equatable {
    /// Jobs that were not there before.
    var accepted = 0
    var duplicates = 0
    /// Jobs that were not enqueued, another holding the same unique key.
    var held = 0
    var bad = 0
    /// Every line up to this one is done.
    var lines = 0
    /// Bytes of the file that are done.
    var bytes = 0

    /// `enqueued 1,000,000 jobs in 4.2 s (238,000/s)`, and what else there is to say.
    func summary(after elapsed: Duration) -> String {
        let milliseconds = max(1, elapsed.milliseconds)
        let time =
            milliseconds < 1000
            ? "\(milliseconds) ms" : "\(milliseconds / 1000).\(milliseconds / 100 % 10) s"
        let rate = grouped(Self.rate(accepted, milliseconds))
        var text = "enqueued \(Self.count(accepted, "job")) in \(time) (\(rate)/s)"
        if duplicates > 0 { text += "; \(Self.count(duplicates, "id")) known from before" }
        if held > 0 { text += "; \(Self.count(held, "job")) not enqueued: their keys are held" }
        if bad > 0 { text += "; \(Self.count(bad, "bad line")) left out" }
        return text
    }

    /// A second, to three digits: more would pretend to a precision that is not there.
    static func rate(_ count: Int, _ milliseconds: Int) -> Int {
        let rate = count * 1000 / max(1, milliseconds)
        var scale = 1
        while rate / scale >= 1000 { scale *= 10 }
        return rate / scale * scale
    }

    static func count(_ number: Int, _ noun: String) -> String {
        "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")"
    }
}

/// One line on a terminal that says how far a long enqueue is.
struct EnqueueProgress {
    private static let pause: Duration = .milliseconds(100)

    private let console: Console
    private let width: Int
    private let size: Int?
    private let start = ContinuousClock.now
    private var drawn: ContinuousClock.Instant?

    /// - Parameter size: Bytes of the whole file, when known.
    init(_ invocation: Invocation, size: Int?) {
        console = invocation.console
        width = HelpStyle.detect(descriptor: 2, environment: invocation.environment).width
        self.size = size
        isShown = console.isTerminal(2)
    }

    private let isShown: Bool

    var elapsed: Duration { ContinuousClock.now - start }

    /// Redraws the line, ten times a second at most.
    mutating func draw(_ tally: EnqueueTally) {
        let now = ContinuousClock.now
        guard isShown, drawn.map({ now - $0 >= Self.pause }) ?? true else { return }
        drawn = now
        let line = Self.line(tally, size: size, elapsed: elapsed)
        console.write("\r" + String(line.prefix(width - 1)) + "\u{1B}[K", 2)
    }

    /// Takes the line away, before anything else is written.
    mutating func clear() {
        guard drawn != nil else { return }
        drawn = nil
        console.write("\r\u{1B}[K", 2)
    }

    static func line(_ tally: EnqueueTally, size: Int?, elapsed: Duration) -> String {
        let milliseconds = max(1, elapsed.milliseconds)
        let rate = grouped(EnqueueTally.rate(tally.accepted, milliseconds))
        var parts = [EnqueueTally.count(tally.accepted, "job"), "\(rate)/s"]
        guard let size, size > 0 else {
            parts.append(mebibytes(tally.bytes) + " MiB")
            return parts.joined(separator: "  ")
        }
        let done = min(tally.bytes, size)
        parts.append("\(mebibytes(done)) of \(mebibytes(size)) MiB (\(done * 100 / size)%)")
        if done > 0 {
            let left = Double(size - done) / Double(done) * Double(milliseconds)
            parts.append("\(Int(left / 1000) + 1) s left")
        }
        return parts.joined(separator: "  ")
    }

    private static func mebibytes(_ bytes: Int) -> String {
        let tenths = (bytes * 10) >> 20
        return "\(grouped(tenths / 10)).\(tenths % 10)"
    }
}
