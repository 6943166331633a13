#include <cstddef>
#include <functional>
#include <vector>

// clang-format off
#include <boost/graph/use_mpi.hpp>  // must come before the others
// clang-format on
#include <boost/graph/distributed/adjacency_list.hpp>
#include <boost/graph/distributed/connected_components.hpp>
#include <boost/graph/distributed/mpi_process_group.hpp>
#include <boost/mpi/collectives.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/mpi/timer.hpp>
#include <fmt/core.h>

#include "bench/peers/edge_file.h"

/// mpirun -n R peer_pbgl FILE.el: connected components by the Parallel Boost Graph Library, every rank with a block of the vertices.
int main(int argc, char** argv) {
  boost::mpi::environment environment(argc, argv);
  const boost::mpi::communicator world;
  if (argc != 2) {
    if (world.rank() == 0) fmt::print(stderr, "usage: peer_pbgl FILE.el\n");
    return static_cast<int>(mpc::Exit::usage);
  }
  try {
    using Group = boost::graph::distributed::mpi_process_group;
    using Graph = boost::adjacency_list<boost::vecS, boost::distributedS<Group, boost::vecS>, boost::undirectedS>;
    const auto file = peers::read(argv[1]);
    Graph graph(file.edges.begin(), file.edges.end(), std::size_t{file.vertices}, Group());
    std::vector<std::size_t> label(num_vertices(graph));
    world.barrier();
    const boost::mpi::timer timer;
    const auto components =
        boost::connected_components(graph, boost::make_iterator_property_map(label.begin(), get(boost::vertex_index, graph)));
    double seconds = 0;
    boost::mpi::reduce(world, timer.elapsed(), seconds, boost::mpi::maximum<double>(), 0);
    if (world.rank() == 0) fmt::print("components {} seconds {:.6f}\n", components, seconds);
  } catch (const std::exception& error) {
    fmt::print(stderr, "peer_pbgl: rank {}: {}\n", world.rank(), error.what());
    environment.abort(static_cast<int>(mpc::Exit::fault));
  }
  return 0;
}
