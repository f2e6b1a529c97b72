/// Writes the envelope of a new job, defaults left out.
package struct EnvelopeWriter: Sendable {
    /// A member that the envelope itself does not know: a signature, a batch.
    package struct Extra: Sendable {
        /// The key; none of those in `WireFormat.md`.
        package let key: StaticText
        /// The value, valid JSON.
        package let json: [UInt8]

        /// Puts the two together.
        package init(_ key: StaticText, json: [UInt8]) {
            self.key = key
            self.json = json
        }
    }

    /// The job's id.
    package var id: JobID
    /// The name that a handler is registered for.
    package var job: String
    /// The queue; nil leaves it out.
    package var queue: QueueName?
    /// The JSON of the arguments, valid; empty leaves it out, which is `{}`.
    package var arguments: [UInt8]
    /// Now, in milliseconds since 1970; nil leaves it out.
    package var enqueued: Int64?
    /// Most attempts, 1…1000.
    package var maxAttempts: Int?
    /// How long one attempt may take, in milliseconds, 1 ms to 30 days.
    package var timeLimit: Int64?
    /// How long the result is kept, in milliseconds: 0, or 1 s to 30 days.
    package var resultTTL: Int64?
    /// It must not start later, in milliseconds since 1970.
    package var expires: Int64?
    /// What becomes of it then.
    package var whenExpired = Expiry.bury
    /// 0 to 9: those of a higher one are fetched first.
    package var priority = 0
    /// Whose turn it takes among those that wait: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    package var tenant: String?
    /// The lock that it takes.
    package var unique: UniqueLock?
    /// What it is a step of, what it takes, who is told of its end.
    package var ties = Ties()
    /// The version of the arguments' form.
    package var version = 1
    /// Further members, written in this order after the known ones.
    package var extras: [Extra] = []

    /// Starts an envelope; what is optional is set afterwards.
    package init(
        id: JobID, job: String, queue: QueueName? = nil, arguments: [UInt8] = [],
        enqueued: Int64? = nil
    ) {
        self.id = id
        self.job = job
        self.queue = queue
        self.arguments = arguments
        self.enqueued = enqueued
    }

    /// Checks that bytes are one JSON value that may stand as arguments.
    ///
    /// For JSON that a user wrote; what an encoder made needs no check.
    ///
    /// - Throws: `EnvelopeError`; positions count from the first byte of the arguments.
    package static func checkArguments(
        _ json: [UInt8], limits: Envelope.Limits = Envelope.Limits()
    ) throws(EnvelopeError) {
        guard json.count <= limits.maxBytes else {
            throw .tooLarge(bytes: json.count, limit: limits.maxBytes)
        }
        try json.withUnsafeBufferPointer { (buffer) throws(EnvelopeError) in
            // The job's own object is one level.
            var scanner = JSONScanner(buffer, maxDepth: limits.maxDepth - 1)
            do throws(EnvelopeError) { _ = try scanner.value(depth: 0) } catch {
                if case .tooDeep(_, let at) = error {
                    throw .tooDeep(limit: limits.maxDepth, at: at)
                }
                throw error
            }
            scanner.skipWhitespace()
            guard scanner.at == scanner.end else { throw .trailingBytes(at: scanner.at) }
        }
    }

    /// The bytes to enqueue: an envelope that decodes to the same.
    ///
    /// - Throws: `EnvelopeError` for what a worker would bury: too large, a name that is not
    ///   allowed, an option out of bounds.
    package func bytes(
        limits: Envelope.Limits = Envelope.Limits()
    ) throws(EnvelopeError) -> [UInt8] {
        try check()
        var result: [UInt8] = []
        // More than keys and numbers need.
        result.reserveCapacity(arguments.count + 256)
        result.append(literal: "{\"id\":\"")
        result.append(contentsOf: id.description.utf8)
        result.append(UInt8(ascii: "\""))
        Envelope.append(priority: priority, tenant: tenant, to: &result)
        result.append(literal: ",\"job\":\"")
        result.append(contentsOf: job.utf8)
        if let queue {
            result.append(literal: "\",\"queue\":\"")
            result.append(contentsOf: queue.description.utf8)
        }
        result.append(UInt8(ascii: "\""))
        if !arguments.isEmpty, !arguments.elementsEqual("{}".utf8) {
            result.append(literal: ",\"args\":")
            result.append(contentsOf: arguments)
        }
        if let enqueued {
            result.append(literal: ",\"enqueued\":")
            result.append(decimal: min(max(enqueued, 0), EnvelopeBounds.maxTime))
        }
        if let maxAttempts {
            result.append(literal: ",\"maxAttempts\":")
            result.append(decimal: Int64(maxAttempts))
        }
        if let timeLimit {
            result.append(literal: ",\"timeLimit\":")
            result.append(decimal: timeLimit)
        }
        if let resultTTL {
            result.append(literal: ",\"resultTTL\":")
            result.append(decimal: resultTTL)
        }
        if let expires {
            result.append(literal: ",\"expires\":")
            result.append(decimal: expires)
        }
        if whenExpired == .drop { result.append(literal: ",\"expired\":\"drop\"") }
        if let unique {
            result.append(literal: ",\"unique\":")
            unique.write(to: &result)
        }
        ties.write(to: &result)
        if version != 1 {
            result.append(literal: ",\"v\":")
            result.append(decimal: Int64(version))
        }
        for extra in extras {
            result.append(UInt8(ascii: ","))
            result.append(jsonString: extra.key.description)
            result.append(UInt8(ascii: ":"))
            result.append(contentsOf: extra.json)
        }
        result.append(UInt8(ascii: "}"))
        guard result.count <= limits.maxBytes else {
            throw .tooLarge(bytes: result.count, limit: limits.maxBytes)
        }
        return result
    }

    private func check() throws(EnvelopeError) {
        do { _ = try NameError.check(job, as: .job) } catch { throw .badName(error) }
        if let maxAttempts, !EnvelopeBounds.maxAttempts.contains(Int64(maxAttempts)) {
            throw EnvelopeBounds.error("maxAttempts")
        }
        if let timeLimit, !EnvelopeBounds.timeLimit.contains(timeLimit) {
            throw EnvelopeBounds.error("timeLimit")
        }
        if let resultTTL, resultTTL != 0, !EnvelopeBounds.resultTTL.contains(resultTTL) {
            throw EnvelopeBounds.error("resultTTL")
        }
        if let expires, !EnvelopeBounds.expires.contains(expires) {
            throw EnvelopeBounds.error("expires")
        }
        guard EnvelopeBounds.priority.contains(Int64(priority)) else {
            throw EnvelopeBounds.error("priority")
        }
        do {
            if let tenant { _ = try NameError.check(tenant, as: .tenant) }
            if let unique { _ = try NameError.check(unique.key, as: .unique) }
        } catch { throw .badName(error) }
        guard EnvelopeBounds.version.contains(Int64(version)) else {
            throw EnvelopeBounds.error("v")
        }
    }
}
