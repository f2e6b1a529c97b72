extension JobClient {
    /// There is nothing that a job would take where no step is before it.
    @available(*, unavailable, message: "a job that takes an input is a step of a Workflow")
    @_disfavoredOverload
    public func enqueue<J: Job>(_ job: J, queue: String? = nil) async throws
        -> JobHandle<J.Output>
    {
        // The compiler lets nobody call it.
        fatalError("unavailable")
    }
}
