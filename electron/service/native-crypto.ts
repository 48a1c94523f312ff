/** Imported for its effect where the process begins: signatures by Node's own library, which needs no warming up. */
import crypto from 'node:crypto';
import { installEd25519, nativeEd25519 } from '../../shared/crypto/ed25519';

installEd25519(nativeEd25519(crypto));
