/**
 * Credentials that are a set of named values, as programs read them from their environment (`webhook`, `secret`).
 * They come from somebody else's program and end in a file that shells and frameworks read on the person's machine. So: names
 * that would make another program run, or load something, are refused here, at the border; and a value is one line.
 */
import { z } from 'zod';

export const MAX_VALUES = 32;
export const MAX_VALUE_BYTES = 4_096;
const MAX_ALL_VALUES_BYTES = 32_768;

/** A shell or loader acts on these by itself: who may set them may run programs as the person who reads the file. */
const ACTING_NAMES = new RegExp(
  `^(${[
    'PATH|HOME|SHELL|ENV|BASH_.*|BASHOPTS|SHELLOPTS|IFS|PS[0-9]|PROMPT_COMMAND|ZDOTDIR|CDPATH|FPATH|POSIXLY_CORRECT',
    'LD_.*|DYLD_.*|GCONV_PATH|LOCPATH|NLSPATH|HOSTALIASES|MALLOC_.*|GLIBC_TUNABLES|TMPDIR|TEMP|TMP|XDG_.*|DBUS_.*',
    'NODE_(OPTIONS|PATH|EXTRA_CA_CERTS|TLS_.*|REPL.*|V8.*)|NPM_CONFIG_.*|ELECTRON_.*|PYTHON[A-Z0-9]*|PERL[A-Z0-9]*|PERL5.*',
    'RUBY(OPT|LIB|PATH|SHELL)|GEM_(HOME|PATH)|BUNDLE_.*|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|CLASSPATH',
    'GIT_(SSH.*|EXEC_PATH|CONFIG.*|EXTERNAL_DIFF|ASKPASS|EDITOR|SEQUENCE_EDITOR|PAGER|PROXY.*|TEMPLATE_DIR|DIR|WORK_TREE|SSL.*)',
    'SSH_ASKPASS.*|SUDO_.*|EDITOR|VISUAL|PAGER|MANPAGER|BROWSER|LESSOPEN|LESSCLOSE|TERMCAP|TERMINFO.*',
    'COMSPEC|PATHEXT|PSMODULEPATH|SYSTEMROOT|WINDIR|APPDATA|LOCALAPPDATA|USERPROFILE',
    // programs, or options that name one
    '.*(PAGER|EDITOR|ASKPASS|_RSH)|(JAVA|MAVEN|GRADLE|SBT|ANT|JRUBY|CATALINA|JVM|KAFKA)_OPTS|MAVEN_ARGS|(GNU)?MAKEFLAGS|MFLAGS|GOFLAGS',
    'VIMINIT|GVIMINIT|EXINIT|MYVIMRC|PHPRC|PHP_INI_SCAN_DIR|INPUTRC|PSQLRC|PGSYSCONFDIR|RUSTC_.*|RUSTFLAGS|CARGO_(BUILD|TARGET)_.*',
    // files that name one: credential_process, exec plugins, helpers
    'AWS_(CONFIG_FILE|SHARED_CREDENTIALS_FILE)|KUBECONFIG|DOCKER_CONFIG|TF_CLI_(CONFIG_FILE|ARGS.*)|ANSIBLE_.*|PIP_.*|YARN_.*',
    // shells refuse to set these, and then stop reading
    'UID|EUID|PPID|GID|EGID|_',
    '(HTTPS?|ALL|FTP|NO)_PROXY|SSL_CERT_.*|CURL_HOME|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|OPENSSL_.*|HALLPASS_.*',
  ].join('|')})$`,
  'i',
);

/** What a program asks its environment for. Not one that makes it, or another program, do something. */
export const ValueName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'Letters, digits and underscore, not beginning with a digit; 64 at most.')
  .refine((name) => !ACTING_NAMES.test(name), 'Programs act on a variable of this name; take another one.');
/** One line: files of variables are read line by line, by programs that don't agree on how to write a line end. */
export const Value = z
  .string()
  .min(1, 'A value is needed.')
  // U+0085, U+2028 and U+2029 end a line for some readers of such files: what follows would be a variable nobody checked
  .refine(
    (text) => !/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/.test(text),
    'One line, without control characters.',
  )
  .refine((text) => new TextEncoder().encode(text).length <= MAX_VALUE_BYTES, '4,096 bytes at most.');
export const Values = z
  .record(ValueName, Value)
  .refine((all) => Object.keys(all).length >= 1, 'At least one value is needed.')
  .refine((all) => Object.keys(all).length <= MAX_VALUES, '32 values at most.')
  .refine(
    (all) =>
      Object.entries(all).reduce((sum, [name, value]) => sum + name.length + value.length, 0) <= MAX_ALL_VALUES_BYTES,
    'The values are too large together.',
  );
export type Values = z.infer<typeof Values>;
