// Custom types as keys: what has std::hash and operator== can be a key.
#include <dashmap/dashmap.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <string>

using dashmap::DashMap;

struct UserId {
  std::uint64_t id;
  std::string region;

  bool operator==(const UserId&) const = default;
};

template <>
struct std::hash<UserId> {
  std::size_t operator()(const UserId& user) const noexcept {
    return std::hash<std::uint64_t>{}(user.id) * 31 + std::hash<std::string>{}(user.region);
  }
};

struct User {
  std::string name;
  std::string email;
  bool active;
};

std::ostream& operator<<(std::ostream& out, const UserId& user) {
  return out << "UserId { id: " << user.id << ", region: \"" << user.region << "\" }";
}

std::ostream& operator<<(std::ostream& out, const User& user) {
  return out << "User { name: \"" << user.name << "\", email: \"" << user.email
             << "\", active: " << std::boolalpha << user.active << " }";
}

int main() {
  DashMap<UserId, User> users;

  const UserId id1{.id = 1, .region = "us"};
  const UserId id2{.id = 2, .region = "eu"};

  users.insert(id1, User{.name = "Alice", .email = "alice@example.com", .active = true});
  users.insert(id2, User{.name = "Bob", .email = "bob@example.com", .active = false});

  // Lookup by key
  if (auto user = users.get(id1)) {
    std::cout << "Found: " << user->name << " (" << user->email << ")\n";
  }

  // Update
  users.entry(id2).and_modify([](auto& u) { u.active = true; });

  // List all users
  for (auto entry : users.iter()) {
    std::cout << entry.key() << ": " << entry.value() << '\n';
  }

  // A key differs as soon as one of its parts does
  return users.contains_key(UserId{.id = 1, .region = "eu"}) ? 1 : 0;
}
