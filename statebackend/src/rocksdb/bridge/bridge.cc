// What RocksDB's C interface lacks: a cache with its ratios and its allocator, a table factory that uses it and charges
// to it, and read-backs of both. Nothing here throws into Rust: every function is noexcept, so that running out of
// memory ends the process as it does in RocksDB itself.

#include <memory>

#include "cache/lru_cache.h"
#include "rocksdb/advanced_cache.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/memory_allocator.h"
#include "rocksdb/options.h"
#include "rocksdb/table.h"
#include "rocksdb/write_buffer_manager.h"

using namespace ROCKSDB_NAMESPACE;

extern "C" {

// As in db/c.cc; build.rs checks the text.
struct rocksdb_options_t {
  Options rep;
};
struct rocksdb_column_family_handle_t {
  ColumnFamilyHandle* rep;
  bool immortal; /* only true for default cf */
};

// Where blocks of the cache lie: an arena of Rust's, owned by whoever holds this.
struct plimsoll_arena {
  void* state;
  void* (*allocate)(void* state, size_t bytes);
  void (*deallocate)(void* state, void* block);
  size_t (*usable)(const void* state, const void* block);
  void (*drop)(void* state);
};

struct plimsoll_cache {
  std::shared_ptr<Cache> rep;
};
struct plimsoll_buffers {
  std::shared_ptr<WriteBufferManager> rep;
};
struct plimsoll_tables {
  std::shared_ptr<TableFactory> rep;
};

struct plimsoll_role {
  uint64_t bytes;
  uint64_t entries;
};
}

namespace {

class ArenaAllocator final : public MemoryAllocator {
 public:
  explicit ArenaAllocator(const plimsoll_arena& arena) : arena_(arena) {}
  ~ArenaAllocator() override { arena_.drop(arena_.state); }
  ArenaAllocator(const ArenaAllocator&) = delete;
  ArenaAllocator& operator=(const ArenaAllocator&) = delete;

  const char* Name() const override { return "PlimsollArena"; }
  void* Allocate(size_t bytes) override { return arena_.allocate(arena_.state, bytes); }
  void Deallocate(void* block) override { arena_.deallocate(arena_.state, block); }
  size_t UsableSize(void* block, size_t) const override { return arena_.usable(arena_.state, block); }

 private:
  const plimsoll_arena arena_;
};

const BlockBasedTableOptions* TableOptions(const ColumnFamilyOptions& options) {
  return options.table_factory ? options.table_factory->GetOptions<BlockBasedTableOptions>() : nullptr;
}

const lru_cache::LRUCache* AsLru(const plimsoll_cache* cache) {
  return static_cast<const lru_cache::LRUCache*>(cache->rep.get());
}

}  // namespace

extern "C" {

// Null where RocksDB refuses the ratios or the shard bits. The arena is taken over in any case; its state may be null:
// then blocks lie in the general heap.
plimsoll_cache* plimsoll_cache_new(size_t capacity, int shard_bits, bool strict, double high_priority,
                                   double low_priority, const plimsoll_arena* arena) noexcept {
  std::shared_ptr<MemoryAllocator> allocator;
  if (arena->state != nullptr) {
    allocator = std::make_shared<ArenaAllocator>(*arena);
  }
  LRUCacheOptions options(capacity, shard_bits, strict, high_priority, std::move(allocator));
  options.low_pri_pool_ratio = low_priority;
  std::shared_ptr<Cache> cache = options.MakeSharedCache();
  return cache ? new plimsoll_cache{std::move(cache)} : nullptr;
}

void plimsoll_cache_free(plimsoll_cache* cache) noexcept { delete cache; }

size_t plimsoll_cache_capacity(const plimsoll_cache* cache) noexcept { return cache->rep->GetCapacity(); }

size_t plimsoll_cache_usage(const plimsoll_cache* cache) noexcept { return cache->rep->GetUsage(); }

size_t plimsoll_cache_pinned(const plimsoll_cache* cache) noexcept { return cache->rep->GetPinnedUsage(); }

bool plimsoll_cache_is_strict(const plimsoll_cache* cache) noexcept {
  return cache->rep->HasStrictCapacityLimit();
}

double plimsoll_cache_high_priority(const plimsoll_cache* cache) noexcept {
  return const_cast<lru_cache::LRUCache*>(AsLru(cache))->GetHighPriPoolRatio();
}

void plimsoll_cache_set_capacity(plimsoll_cache* cache, size_t capacity) noexcept {
  cache->rep->SetCapacity(capacity);
}

void plimsoll_cache_evict_unpinned(plimsoll_cache* cache) noexcept { cache->rep->EraseUnRefEntries(); }

// Bytes and entries of each role, with what the cache keeps about each entry. `roles` has room for `count` of them.
void plimsoll_cache_roles(plimsoll_cache* cache, plimsoll_role* roles, size_t count) noexcept {
  cache->rep->ApplyToAllEntries(
      [roles, count](const Slice& key, Cache::ObjectPtr, size_t charge, const Cache::CacheItemHelper* helper) {
        const auto role = static_cast<size_t>(helper->role);
        if (role < count) {
          roles[role].bytes += charge + sizeof(lru_cache::LRUHandle) - 1 + key.size();
          roles[role].entries += 1;
        }
      },
      {});
}

size_t plimsoll_role_count() noexcept { return kNumCacheEntryRoles; }

const char* plimsoll_role_name(size_t role) noexcept {
  return role < kNumCacheEntryRoles ? GetCacheEntryRoleName(static_cast<CacheEntryRole>(role)).c_str() : "";
}

plimsoll_buffers* plimsoll_buffers_new(size_t bytes, const plimsoll_cache* cache, bool stall) noexcept {
  return new plimsoll_buffers{std::make_shared<WriteBufferManager>(bytes, cache->rep, stall)};
}

void plimsoll_buffers_free(plimsoll_buffers* buffers) noexcept { delete buffers; }

size_t plimsoll_buffers_limit(const plimsoll_buffers* buffers) noexcept { return buffers->rep->buffer_size(); }

size_t plimsoll_buffers_usage(const plimsoll_buffers* buffers) noexcept { return buffers->rep->memory_usage(); }

size_t plimsoll_buffers_mutable(const plimsoll_buffers* buffers) noexcept {
  return buffers->rep->mutable_memtable_memory_usage();
}

size_t plimsoll_buffers_charged(const plimsoll_buffers* buffers) noexcept {
  return buffers->rep->dummy_entries_in_cache_usage();
}

bool plimsoll_buffers_is_stalled(const plimsoll_buffers* buffers) noexcept {
  return buffers->rep->IsStallActive();
}

// Null where the options' tables are not block based. The factory is a new one: what is charged to the cache is decided
// in its constructor. Bits of `charged` are roles.
plimsoll_tables* plimsoll_tables_new(const rocksdb_options_t* options, const plimsoll_cache* cache,
                                     uint32_t charged) noexcept {
  const BlockBasedTableOptions* current = TableOptions(options->rep);
  if (current == nullptr) {
    return nullptr;
  }
  BlockBasedTableOptions table = *current;
  table.no_block_cache = false;
  table.block_cache = cache->rep;
  for (uint32_t role = 0; role < kNumCacheEntryRoles; ++role) {
    if ((charged >> role & 1) != 0) {
      table.cache_usage_options.options_overrides[static_cast<CacheEntryRole>(role)].charged =
          CacheEntryRoleOptions::Decision::kEnabled;
    }
  }
  return new plimsoll_tables{std::shared_ptr<TableFactory>(NewBlockBasedTableFactory(table))};
}

void plimsoll_tables_free(plimsoll_tables* tables) noexcept { delete tables; }

void plimsoll_options_use_tables(rocksdb_options_t* options, const plimsoll_tables* tables) noexcept {
  options->rep.table_factory = tables->rep;
}

bool plimsoll_options_have_cache(const rocksdb_options_t* options, const plimsoll_cache* cache) noexcept {
  const BlockBasedTableOptions* table = TableOptions(options->rep);
  return table != nullptr && table->block_cache == cache->rep;
}

void plimsoll_options_use_buffers(rocksdb_options_t* options, const plimsoll_buffers* buffers) noexcept {
  options->rep.write_buffer_manager = buffers->rep;
}

bool plimsoll_options_have_buffers(const rocksdb_options_t* options, const plimsoll_buffers* buffers) noexcept {
  return options->rep.write_buffer_manager == buffers->rep;
}

// Whether a family of an open database has the cache.
bool plimsoll_family_has_cache(const rocksdb_column_family_handle_t* family,
                               const plimsoll_cache* cache) noexcept {
  ColumnFamilyDescriptor descriptor;
  if (!family->rep->GetDescriptor(&descriptor).ok()) {
    return false;
  }
  const BlockBasedTableOptions* table = TableOptions(descriptor.options);
  return table != nullptr && table->block_cache == cache->rep;
}
}
