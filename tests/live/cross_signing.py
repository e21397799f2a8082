"""Cross-signing keys, key backup and recovery key for a Matrix account.

EasyMatrix reads no messages before its session is verified with a recovery key. The
formats are those of the Matrix specification: "Cross-signing", "Server-side key
backups" and "Secrets" in its client-server part.
"""

from base64 import b64encode
from functools import reduce
import hashlib
import hmac
import json
from operator import xor
import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .matrix import Person

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RECOVERY_KEY_PREFIX = b"\x8b\x01"
_MEGOLM_BACKUP = "m.megolm_backup.v1"


async def set_up_recovery(person: Person) -> str:
    """Publish new keys for an account and return the recovery key that unlocks them."""
    storage_key = os.urandom(32)
    secrets = await _publish_cross_signing_keys(person)
    secrets[_MEGOLM_BACKUP] = await _create_key_backup(person)

    key_id = os.urandom(8).hex()
    description = {
        "algorithm": "m.secret_storage.v1.aes-hmac-sha2",
        **_encrypt(storage_key, "", bytes(32)),
    }
    del description["ciphertext"]
    await person.set_account_data(f"m.secret_storage.key.{key_id}", description)
    await person.set_account_data("m.secret_storage.default_key", {"key": key_id})
    for name, secret in secrets.items():
        encrypted = _encrypt(storage_key, name, _base64(secret).encode())
        await person.set_account_data(name, {"encrypted": {key_id: encrypted}})
    return _encode_recovery_key(storage_key)


async def _publish_cross_signing_keys(person: Person) -> dict[str, bytes]:
    """Upload the public keys; return the private ones by the names of their secrets."""
    master = Ed25519PrivateKey.generate()
    body: dict[str, Any] = {}
    secrets: dict[str, bytes] = {}
    for usage in ("master", "self_signing", "user_signing"):
        key = master if usage == "master" else Ed25519PrivateKey.generate()
        public = _base64(key.public_key().public_bytes_raw())
        described = {
            "user_id": person.id,
            "usage": [usage],
            "keys": {f"ed25519:{public}": public},
        }
        if key is not master:
            _sign(described, person.id, master)
        body[f"{usage}_key"] = described
        secrets[f"m.cross_signing.{usage}"] = key.private_bytes_raw()
    await person.request("POST", "v3/keys/device_signing/upload", body)
    return secrets


async def _create_key_backup(person: Person) -> bytes:
    """Create an empty backup of message keys; return its private key."""
    key = X25519PrivateKey.generate()
    await person.request(
        "POST",
        "v3/room_keys/version",
        {
            "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
            "auth_data": {"public_key": _base64(key.public_key().public_bytes_raw())},
        },
    )
    return key.private_bytes_raw()


def _sign(described: dict[str, Any], user_id: str, master: Ed25519PrivateKey) -> None:
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    public = _base64(master.public_key().public_bytes_raw())
    signature = _base64(master.sign(text.encode()))
    described["signatures"] = {user_id: {f"ed25519:{public}": signature}}


def _encrypt(storage_key: bytes, name: str, secret: bytes) -> dict[str, str]:
    keys = HKDF(SHA256(), 64, salt=bytes(32), info=name.encode()).derive(storage_key)
    nonce = bytearray(os.urandom(16))
    nonce[8] &= 0x7F  # Some AES-CTR implementations cannot count beyond 63 bits.
    encryptor = Cipher(algorithms.AES(keys[:32]), modes.CTR(bytes(nonce))).encryptor()
    ciphertext = encryptor.update(secret) + encryptor.finalize()
    mac = hmac.digest(keys[32:], ciphertext, hashlib.sha256)
    return {
        "iv": _base64(bytes(nonce)),
        "ciphertext": _base64(ciphertext),
        "mac": _base64(mac),
    }


def _encode_recovery_key(storage_key: bytes) -> str:
    data = _RECOVERY_KEY_PREFIX + storage_key
    number = int.from_bytes(data + bytes([reduce(xor, data)]))
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _base64(data: bytes) -> str:
    return b64encode(data).decode().rstrip("=")
