// Threads that are good neighbours: chunks are claimed by a counter, a phase is over when its chunks
// are done and not when every thread has come, and who waits spins for microseconds, then sleeps.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace fireside {

// A part of a step, cut into chunks that any thread may take.
struct Phase {
    std::function<void(int chunk, int thread)> work;
    int chunks = 0;
    std::atomic<int> next{0}, done{0};

    Phase() = default;
    Phase(std::function<void(int, int)> work, int chunks) : work(std::move(work)), chunks(chunks) {}
    Phase(Phase &&other) noexcept : work(std::move(other.work)), chunks(other.chunks) {}
};

class Pool {
  public:
    explicit Pool(int threads);
    ~Pool();
    Pool(const Pool &) = delete;
    Pool &operator=(const Pool &) = delete;

    // All phases, one after the other; ends when the last chunk is done.  Where `cancelled` is not
    // zero the rest is left out.
    void run(std::vector<Phase> &phases, const std::atomic<int> *cancelled);
    int threads() const { return static_cast<int>(workers_.size()) + 1; }

  private:
    void work(int thread);
    void go_through(std::vector<Phase> &phases, int thread);

    std::vector<std::thread> workers_;
    std::atomic<std::vector<Phase> *> phases_{nullptr};
    const std::atomic<int> *cancelled_ = nullptr;
    std::atomic<int> run_{0};      // counts runs; the workers wait for the next
    std::atomic<int> inside_{0};   // workers that may still read `phases_`
    std::atomic<bool> is_closed_{false};
};

}  // namespace fireside
