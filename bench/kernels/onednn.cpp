// Times oneDNN's matrix products beside ggml's: "product TYPE ... GFLOPS", for types f32 and bf16.
// usage: onednn SECONDS [FILTER]        (threads by OMP_NUM_THREADS)
#include <oneapi/dnnl/dnnl.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using dnnl::memory;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void product(double seconds, const std::string & filter, memory::data_type type, const char * type_name, int64_t m, int64_t n, int64_t k) {
    const std::string name = std::string("product ") + type_name + " " +
        std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
    if (name.find(filter) == std::string::npos) {
        return;
    }
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);

    // rows and result as they lie in ggml; weights in the layout that oneDNN likes best, reordered before the clock starts
    const memory::desc rows_desc({ n, k }, type, memory::format_tag::ab);
    const memory::desc weights_desc({ k, m }, type, memory::format_tag::any);
    const memory::desc result_desc({ n, m }, memory::data_type::f32, memory::format_tag::ab);
    const dnnl::matmul::primitive_desc primitive_desc(dnnl::matmul::desc(rows_desc, weights_desc, result_desc), engine);

    memory rows(rows_desc, engine);
    memory weights(primitive_desc.weights_desc(), engine);
    memory result(result_desc, engine);
    for (const memory & m : { rows, weights }) {
        // 0x3f3f is a fair number in both types
        for (size_t i = 0; i < m.get_desc().get_size(); i++) {
            ((uint8_t *) m.get_data_handle())[i] = 0x3f;
        }
    }
    const dnnl::matmul primitive(primitive_desc);
    double best = INFINITY;
    const double end = now() + seconds;
    for (int runs = 0; runs < 3 || now() < end; runs++) {
        const double start = now();
        primitive.execute(stream, { { DNNL_ARG_SRC, rows }, { DNNL_ARG_WEIGHTS, weights }, { DNNL_ARG_DST, result } });
        stream.wait();
        best = std::fmin(best, now() - start);
    }
    printf("%s %.1f\n", name.c_str(), 2.0*m*n*k/best/1e9);
    fflush(stdout);
}

} // namespace

int main(int argc, char ** argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: onednn SECONDS [FILTER]\n");
        return 2;
    }
    const struct { int64_t m, n, k; } shapes[] = {
        { 5120, 3202, 1280 }, { 1280, 3202, 5120 }, { 1280, 3202, 1280 }, { 14336, 512, 4096 }, { 4096, 512, 14336 },
    };
    for (const auto & s : shapes) {
        try {
            product(atof(argv[1]), argc > 2 ? argv[2] : "", memory::data_type::bf16, "bf16", s.m, s.n, s.k);
        } catch (const dnnl::error & e) {
            // this CPU has no arithmetic for it
        }
        product(atof(argv[1]), argc > 2 ? argv[2] : "", memory::data_type::f32, "f32", s.m, s.n, s.k);
    }
    return 0;
}
