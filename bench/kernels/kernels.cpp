// Times ggml's matrix products and attention, of the shapes of Llama 3.2 Vision, and prints a line "name GFLOPS" for each.
// usage: kernels THREADS SECONDS [FILTER]
#include "ggml-backend.h"
#include "ggml-cpu.h"
#include "ggml.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct timing {
    int         threads;
    double      seconds; // that each kernel is repeated for; its best time counts
    std::string filter;
};

struct graph {
    ggml_context * weights = new_context(); // lie where llama.cpp would put them: some types are rearranged
    ggml_context * ctx     = new_context();

    ggml_tensor * tensor(ggml_type type, int64_t ne0, int64_t ne1, int64_t ne2 = 1) {
        return ggml_new_tensor_3d(ctx, type, ne0, ne1, ne2);
    }

    ~graph() {
        ggml_free(ctx);
        ggml_free(weights);
    }

  private:
    static ggml_context * new_context() {
        return ggml_init({ 64*ggml_tensor_overhead() + ggml_graph_overhead(), nullptr, true });
    }
};

ggml_backend_buffer_type_t weights_buffer_type(ggml_backend_t backend, const graph & g, const ggml_tensor * result) {
    ggml_backend_dev_t device = ggml_backend_get_device(backend);
    const auto extra = (ggml_backend_dev_get_extra_bufts_t) ggml_backend_reg_get_proc_address(
        ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts");
    ggml_tensor * weight = ggml_get_first_tensor(g.weights);
    for (ggml_backend_buffer_type_t * type = extra(device); weight != nullptr && type != nullptr && *type != nullptr; type++) {
        // asked with an empty buffer, as llama.cpp does
        weight->buffer = ggml_backend_buft_alloc_buffer(*type, 0);
        const bool fits = ggml_backend_dev_supports_op(device, result);
        ggml_backend_buffer_free(weight->buffer);
        weight->buffer = nullptr;
        if (fits) {
            return *type;
        }
    }
    return ggml_backend_cpu_buffer_type();
}

// values between -0.5 and 0.5, of no pattern
void fill(ggml_tensor * tensor, uint32_t seed) {
    const int64_t rows = ggml_nrows(tensor);
    const int64_t some = std::min<int64_t>(rows, 256); // which are repeated: quantizing takes long
    std::vector<float> values(some*tensor->ne[0]);
    for (float & value : values) {
        seed  = seed*1664525 + 1013904223;
        value = (float) (seed >> 8)/(1 << 24) - 0.5f;
    }
    std::vector<uint8_t> bytes(some*tensor->nb[1]);
    if (tensor->type == GGML_TYPE_F32) {
        memcpy(bytes.data(), values.data(), bytes.size());
    } else {
        ggml_quantize_chunk(tensor->type, values.data(), bytes.data(), 0, some, tensor->ne[0], nullptr);
    }
    std::vector<uint8_t> all(ggml_nbytes(tensor));
    for (size_t i = 0; i < all.size(); i += bytes.size()) {
        memcpy(all.data() + i, bytes.data(), std::min(bytes.size(), all.size() - i));
    }
    ggml_backend_tensor_set(tensor, all.data(), 0, all.size());
}

void time_graph(const timing & how, const std::string & name, graph & g, ggml_tensor * result, double flop) {
    if (name.find(how.filter) == std::string::npos) {
        return;
    }
    ggml_backend_t backend = ggml_backend_cpu_init();
    ggml_backend_cpu_set_n_threads(backend, how.threads);
    ggml_backend_buffer_t weights = ggml_backend_alloc_ctx_tensors_from_buft(g.weights, weights_buffer_type(backend, g, result));
    ggml_backend_buffer_t buffer = ggml_backend_alloc_ctx_tensors(g.ctx, backend);
    uint32_t seed = 1;
    for (ggml_context * ctx : { g.weights, g.ctx }) {
        for (ggml_tensor * t = ggml_get_first_tensor(ctx); t != nullptr; t = ggml_get_next_tensor(ctx, t)) {
            if (t->op == GGML_OP_NONE) {
                fill(t, seed++);
            }
        }
    }
    ggml_cgraph * graph = ggml_new_graph(g.ctx);
    ggml_build_forward_expand(graph, result);

    double best = INFINITY;
    const double end = now() + how.seconds;
    for (int runs = 0; runs < 3 || now() < end; runs++) {
        const double start = now();
        ggml_backend_graph_compute(backend, graph);
        best = std::fmin(best, now() - start);
    }
    printf("%s %.1f\n", name.c_str(), flop/best/1e9);
    fflush(stdout);
    ggml_backend_buffer_free(buffer);
    ggml_backend_buffer_free(weights);
    ggml_backend_free(backend);
}

// n rows of k times a matrix of m rows
void product(const timing & how, ggml_type type, int64_t m, int64_t n, int64_t k) {
    graph g;
    ggml_tensor * result = ggml_mul_mat(g.ctx, ggml_new_tensor_2d(g.weights, type, k, m), g.tensor(GGML_TYPE_F32, k, n));
    const std::string name = std::string("product ") + ggml_type_name(type) + " " +
        std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
    time_graph(how, name, g, result, 2.0*m*n*k);
}

void attention(const timing & how, int64_t rows, int64_t head_size, int64_t heads, bool masked) {
    graph g;
    ggml_tensor * q = g.tensor(GGML_TYPE_F32, head_size, rows, heads);
    ggml_tensor * k = g.tensor(GGML_TYPE_F16, head_size, rows, heads);
    ggml_tensor * v = g.tensor(GGML_TYPE_F16, head_size, rows, heads);
    ggml_tensor * mask = masked ? g.tensor(GGML_TYPE_F16, rows, rows) : nullptr;
    ggml_tensor * result = ggml_flash_attn_ext(g.ctx, q, k, v, mask, 1.0f/std::sqrt((float) head_size), 0.0f, 0.0f);
    const std::string name = "attention " + std::to_string(rows) + "x" + std::to_string(head_size) + (masked ? " masked" : "");
    time_graph(how, name, g, result, 4.0*rows*rows*head_size*heads);
}

} // namespace

int main(int argc, char ** argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: kernels THREADS SECONDS [FILTER]\n");
        return 2;
    }
    const timing how = { atoi(argv[1]), atof(argv[2]), argc > 3 ? argv[3] : "" };
    for (const ggml_type type : { GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_F32 }) {
        product(how, type, 5120, 3202, 1280);
        product(how, type, 1280, 3202, 5120);
        product(how, type, 1280, 3202, 1280);
    }
    for (const ggml_type type : { GGML_TYPE_F16, GGML_TYPE_Q8_0, GGML_TYPE_Q4_K, GGML_TYPE_Q6_K }) {
        product(how, type, 14336, 1, 4096);
        product(how, type, 14336, 4, 4096);
        product(how, type, 14336, 512, 4096);
        product(how, type, 4096, 512, 14336);
    }
    for (const int64_t rows : { 3202, 6404 }) {
        attention(how, rows, 80, 4, false);
        attention(how, rows, 80, 4, true);
    }
    return 0;
}
