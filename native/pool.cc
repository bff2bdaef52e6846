#include "pool.h"

#include <chrono>

namespace fireside {
namespace {

inline void breathe() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

constexpr auto SPIN = std::chrono::microseconds(50);

// Waits until `value` is no longer `old`: spins a little, then sleeps in the kernel.
void wait_for_change(const std::atomic<int> &value, int old) {
    const auto end = std::chrono::steady_clock::now() + SPIN;
    for (int i = 0; value.load(std::memory_order_acquire) == old; i++) {
        breathe();
        if (i % 64 == 63 && std::chrono::steady_clock::now() > end) value.wait(old);
    }
}

}  // namespace

Pool::Pool(int threads) {
    for (int thread = 1; thread < threads; thread++)
        workers_.emplace_back([this, thread] { work(thread); });
}

Pool::~Pool() {
    is_closed_ = true;
    run_.fetch_add(1);
    run_.notify_all();
    for (auto &worker : workers_) worker.join();
}

void Pool::work(int thread) {
    int seen = 0;
    for (;;) {
        wait_for_change(run_, seen);
        if (is_closed_) return;
        inside_.fetch_add(1);
        seen = run_.load();
        // A run that is over already has no phases: this worker came late, and waits for the next.
        if (auto *phases = phases_.load()) go_through(*phases, thread);
        inside_.fetch_sub(1);
        inside_.notify_all();
    }
}

void Pool::go_through(std::vector<Phase> &phases, int thread) {
    for (auto &phase : phases) {
        if (cancelled_ && cancelled_->load(std::memory_order_relaxed)) return;
        for (int chunk; (chunk = phase.next.fetch_add(1)) < phase.chunks;) {
            phase.work(chunk, thread);
            if (phase.done.fetch_add(1) + 1 == phase.chunks) phase.done.notify_all();
        }
        for (int done; (done = phase.done.load(std::memory_order_acquire)) < phase.chunks;)
            wait_for_change(phase.done, done);
    }
}

void Pool::run(std::vector<Phase> &phases, const std::atomic<int> *cancelled) {
    cancelled_ = cancelled;
    phases_ = &phases;
    run_.fetch_add(1);
    run_.notify_all();
    go_through(phases, 0);
    phases_ = nullptr;
    // Who is still inside has no chunk left, or was told to stop; the phases must outlive it.
    for (int left; (left = inside_.load()) > 0;) wait_for_change(inside_, left);
}

}  // namespace fireside
