# hallpass on Windows: asks the running app over its pipe. The same as hallpass.sh. Built, not run.
$ErrorActionPreference = 'Stop'
$Pipe = ''
$TokenFile = ''

function Fail($text) { [Console]::Error.WriteLine("hallpass: $text"); exit 69 }
function Ask($words) {
  if (-not (Test-Path -LiteralPath $TokenFile)) { Fail 'The Hallpass app is not running.' }
  $token = (Get-Content -LiteralPath $TokenFile -TotalCount 1)
  $client = New-Object System.IO.Pipes.NamedPipeClientStream('.', $Pipe, [System.IO.Pipes.PipeDirection]::InOut)
  try { $client.Connect(2000) } catch { Fail 'The Hallpass app is not running.' }
  $line = [Text.Encoding]::UTF8.GetBytes("1 $token $words`n")
  $client.Write($line, 0, $line.Length)
  $client.Flush()
  $answer = (New-Object IO.StreamReader($client, [Text.Encoding]::UTF8)).ReadToEnd()
  $client.Dispose()
  if ($answer -match '\Aok\n([\s\S]*?)\n?\z') { return $Matches[1] }
  if ($answer -match '\Aerror (.*)') { Fail $Matches[1].Trim() }
  Fail 'What answers there is not the Hallpass app.'
}
function Check($name) { if ($name -cnotmatch '\A[a-z0-9][a-z0-9._-]{0,99}\z') { Fail 'There can be no access of that name.' } }
# The access is over: the command and all that came from it.
function Stop-Tree($id) {
  Get-CimInstance Win32_Process -Filter "ParentProcessId=$id" | ForEach-Object { Stop-Tree $_.ProcessId }
  Stop-Process -Id $id -Force -ErrorAction SilentlyContinue
}

$what = if ($args.Count -gt 0) { $args[0] } else { '' }
if ($what -eq 'credential-process' -and $args.Count -eq 2) {
  Check $args[1]
  [Console]::Out.WriteLine((Ask "credential-process $($args[1])"))
} elseif ($what -eq 'list' -and $args.Count -eq 1) {
  $body = Ask 'list'
  if ($body -ne '') { [Console]::Out.WriteLine($body) }
} elseif ($what -eq 'run' -and $args.Count -ge 3) {
  Check $args[1]
  $command = @($args | Select-Object -Skip 2)
  if ($command[0] -eq '--') { $command = @($command | Select-Object -Skip 1) }
  if ($command.Count -eq 0) { Fail 'Name a command.' }
  $use = (Ask "run json $($args[1]) $PID") | ConvertFrom-Json
  foreach ($variable in $use.environment.PSObject.Properties) {
    [Environment]::SetEnvironmentVariable($variable.Name, $variable.Value)
  }
  $rest = @($command | Select-Object -Skip 1 | ForEach-Object { '"' + ($_ -replace '(\\*)"', '$1$1\"' -replace '(\\+)$', '$1$1') + '"' })
  $start = @{ FilePath = $command[0]; NoNewWindow = $true; PassThru = $true }
  if ($rest.Count -gt 0) { $start.ArgumentList = $rest }
  $process = Start-Process @start
  $null = $process.Handle # keeps the exit code
  while (-not $process.WaitForExit(1000)) {
    if (-not (Test-Path -LiteralPath $use.leaseFile)) {
      [Console]::Error.WriteLine('hallpass: the access is over; the command is ended.')
      Stop-Tree $process.Id
      $process.WaitForExit()
    }
  }
  $code = $process.ExitCode
  try { $null = Ask "ended $($use.grantId) $($use.run)" } catch { }
  exit $code
} else {
  [Console]::Error.WriteLine("usage: hallpass list`n       hallpass run <resource>[.<level>] -- <command>`n       hallpass credential-process <resource>[.<level>]")
  exit 64
}
