import assert from "node:assert/strict";
import { test } from "node:test";
import { isPrivateAddress } from "./private-address.ts";

test("what is not the public internet", () => {
  const inside = ["127.0.0.1", "10.1.2.3", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "[::1]", "::ffff:127.0.0.1", "::ffff:a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "nonsense", ""];
  assert.deepEqual(inside.filter((address) => !isPrivateAddress(address)), []);
});

test("what is", () => {
  const outside = ["8.8.8.8", "172.32.0.1", "192.169.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"];
  assert.deepEqual(outside.filter((address) => isPrivateAddress(address)), []);
});
