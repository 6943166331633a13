#include "transformer_bridge/kernels/device.h"

#include <filesystem>
#include <system_error>
#include <type_traits>
#include <vector>

#include <dlfcn.h>
#include <fmt/core.h>

#include "mpc/error.h"

#include "transformer_bridge/kernels/cuda/module.h"

namespace bridge {
namespace {

#ifdef ROUNDTRIP_CUDA_MODULE
constexpr const char* module_file = ROUNDTRIP_CUDA_MODULE;
constexpr const char* library_folder = ROUNDTRIP_LIBRARY_FOLDER;
#else
constexpr const char* module_file = nullptr;
constexpr const char* library_folder = "";
#endif

/// Where the module lies beside the program, in a build folder or installed; else its name, for the loader to look for.
std::string module_path() {
  std::error_code error;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto& beside : {folder, folder / "..", folder / ".." / library_folder}) {
    const auto path = beside / module_file;
    if (!error && std::filesystem::exists(path, error)) return path.string();
  }
  return module_file;
}

/// The module, or why there is none to use.
struct Loaded {
  const cuda::Module* module = nullptr;
  std::string why_not;
};

Loaded load() {
  if (module_file == nullptr) return {nullptr, "built without CUDA"};
  // Before the module, which brings the large libraries of the toolkit.
  if (dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL) == nullptr) return {nullptr, fmt::format("no CUDA driver: {}", dlerror())};
  const auto path = module_path();
  auto* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return {nullptr, fmt::format("the CUDA kernels cannot be loaded: {}", dlerror())};
  const auto get = reinterpret_cast<cuda::GetModule>(dlsym(library, cuda::get_module_name));
  const auto* module = get == nullptr ? nullptr : get();
  if (module == nullptr || std::string(module->version) != cuda::module_version)
    return {nullptr, fmt::format("the CUDA kernels are of another version: {}", path)};
  const auto [count, why_none] = module->count_devices();
  return {count > 0 ? module : nullptr, why_none};
}

const Loaded& loaded() {
  static const auto result = load();
  return result;
}

}  // namespace

const std::string& why_no_cuda() { return loaded().why_not; }

DeviceDecision choose_device(mpc::Ranks& ranks, DeviceChoice choice) {
  return choose_device(ranks, choice, choice == DeviceChoice::cpu ? std::string() : why_no_cuda());
}

DeviceDecision choose_device(mpc::Ranks& ranks, DeviceChoice choice, const std::string& why_no_cuda) {
  if (choice == DeviceChoice::cpu) return {};
  const auto everyone = static_cast<std::uint64_t>(ranks.size());
  const auto without = ranks.minimum(why_no_cuda.empty() ? everyone : static_cast<std::uint64_t>(ranks.rank()));
  if (without == everyone) return {true, {}};
  auto text = why_no_cuda;
  ranks.broadcast(text, static_cast<int>(without));
  if (choice == DeviceChoice::cuda) {
    throw mpc::UsageError(everyone == 1 ? fmt::format("--device cuda: {}", text)
                                        : fmt::format("--device cuda: rank {} has none: {}", without, text));
  }
  return {false, text};
}

template <class Real>
std::unique_ptr<Kernels<Real>> make_cuda_kernels(int node_rank) {
  const auto& [module, why_not] = loaded();
  if (module == nullptr) throw mpc::UsageError(fmt::format("no CUDA device: {}", why_not));
  if constexpr (std::is_same_v<Real, float>) {
    return module->float_kernels(node_rank);
  } else {
    return module->double_kernels(node_rank);
  }
}

template std::unique_ptr<Kernels<float>> make_cuda_kernels(int);
template std::unique_ptr<Kernels<double>> make_cuda_kernels(int);

}  // namespace bridge
