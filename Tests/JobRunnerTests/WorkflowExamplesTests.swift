import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

/// What `Workflows.md` shows, word for word; each is run below.
private enum Examples {
    struct Photo: Codable, Sendable {
        var name: String
        var width: Int
    }

    struct Fetch: Job {
        static let name = "fetch"
        typealias Output = Photo
        var url: String
    }

    // example: workflow
    struct Resize: Job {
        static let name = "resize"
        typealias Input = Photo
        typealias Output = Photo
        var width: Int
    }

    static func thumbnails(of url: String) -> Workflow<String> {
        Workflow(Fetch(url: url))
            .then(.group([.init(Resize(width: 100)), .init(Resize(width: 800))]))
            .then(Publish())
            .onFailure(TellUploader(url: url))
    }
    // end

    struct Publish: Job {
        static let name = "publish"
        typealias Input = [Photo]
        typealias Output = String
    }

    struct TellUploader: Job {
        static let name = "tell"
        typealias Input = WorkflowFailure
        var url: String
    }

    struct AddUp: Job {
        static let name = "add-up"
        typealias Input = [Int]
        typealias Output = Int
    }

    struct ImportRow: Job {
        static let name = "row"
        var number: Int
    }

    struct Announce: Job {
        static let name = "announce"
        var text: String
    }

    static func register(on worker: inout WorkerBuilder) {
        worker.handle(Fetch.self) { job, _ in Photo(name: job.url, width: 4000) }
        // example: workflow-handlers
        worker.handle(Resize.self) { job, photo, context in
            Photo(name: photo.name, width: job.width)
        }
        // end
        worker.handle(Publish.self) { _, photos, _ in
            photos.map { "\($0.name)@\($0.width)" }.joined(separator: " ")
        }
        worker.handle(TellUploader.self) { _, _, _ in }
        worker.handle(AddUp.self) { _, numbers, _ in numbers.reduce(0, +) }
        worker.handle(ImportRow.self) { _, _ in }
        worker.handle(Announce.self) { _, _ in }
    }
}

@Suite(.timeLimit(.minutes(1))) struct WorkflowExamplesTests {
    private typealias Fetch = Examples.Fetch
    private typealias Resize = Examples.Resize
    private typealias Publish = Examples.Publish
    private typealias AddUp = Examples.AddUp
    private typealias ImportRow = Examples.ImportRow
    private typealias Announce = Examples.Announce

    @Test func `what the page shows`() async throws {
        let queue = try QueueFixture(queue: "default")
        let jobs = try queue.client()
        func thumbnails(of url: String) -> Workflow<String> { Examples.thumbnails(of: url) }
        let fixture = try WorkerFixture(queue) { Examples.register(on: &$0) }
        try await fixture.run { fixture in
            // example: workflow-start
            let handle = try await jobs.start(thumbnails(of: "a.png"), name: "a.png")
            let album = try await handle.value(timeout: .seconds(30))
            // end
            #expect(album == "a.png@100 a.png@800")
            do {
                // example: workflow-graph
                var graph = WorkflowGraph()
                let photo = graph.add(Fetch(url: "a.png"))
                let small = graph.add(Resize(width: 100), input: photo)
                let large = graph.add(Resize(width: 800), input: photo)
                let album = graph.add(Publish(), inputs: [small, large])
                let published = try await jobs.start(graph.returning(album))
                // end
                let text = try await published.value()
                #expect(text == "a.png@100 a.png@800")
            }
            // example: workflow-map
            let sizes = try await jobs.map(
                1...1000, inChunksOf: 100, through: AddUp(), then: AddUp())
            let sum = try await sizes.value()
            // end
            #expect(sum == 500_500)
            // example: workflow-batch
            var batch = Batch(name: "import of May")
            batch.onSuccess(Announce(text: "all there"))
            batch.onDeath(Announce(text: "a row could not be read"))
            let rows = try await jobs.open(batch)
            try await rows.add((1...100).map { ImportRow(number: $0) })
            try await rows.seal()
            let counts = try await rows.wait(timeout: .seconds(30))
            // end
            #expect(counts == BatchCounts(waiting: 0, done: 100, failed: 0, isOpen: false))
        }
    }
}
